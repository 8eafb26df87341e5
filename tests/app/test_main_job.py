"""The main job on 300 real households, compared figure by figure with an independent calculation."""

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.experiment_again import check_experiment
from keyuan.anchor import keyuan_verify
from keyuan.app.demo.source import source_folder
from keyuan.app.installation import opened
from keyuan.app.proving import proof_holds
from keyuan.kernel.config import load_settings

SAMPLE = Path(__file__).parent.parent / "data" / "completejourney_sample"
HOUSEHOLD = "household:19"
AS_OF = datetime(2018, 1, 2)  # noqa: DTZ001  # the files name no zone
VOUCHER = 1_000
DOUBLED = {"COFFEE", "FLUID MILK PRODUCTS"}


def keyuan(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keyuan.cli", *words], capture_output=True, text=True, timeout=280, check=False
    )


def demo(data: Path, source: Path | None) -> dict[str, Any]:
    where = [] if source is None else ["--source", str(source)]
    done = keyuan("demo", "--data", str(data), *where, "--exit", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def baskets(source: Path) -> list[dict[str, Any]]:
    """Return the baskets in (time, order_id) order; money by Decimal from the text of each number."""
    lines = duckdb.sql(
        "SELECT household_id, basket_id, transaction_timestamp, CAST(sales_value AS VARCHAR), product_category"
        f" FROM '{source}/transactions.parquet' LEFT JOIN '{source}/products.parquet' USING (product_id)"
    ).fetchall()
    found: dict[int, dict[str, Any]] = {}
    for household, basket, at, value, category in lines:
        row = found.setdefault(basket, {"household": household, "id": basket, "at": at, "lines": []})
        row["lines"].append((category, int(Decimal(value) * 100)))
    return sorted(found.values(), key=lambda row: (row["at"], str(row["id"])))


class Purse:
    """What one household has: lots (end, points left), of which the first to end stand first, and what moved."""

    def __init__(self) -> None:
        self.lots: list[tuple[datetime, int]] = []
        self.moved: Counter[str] = Counter()
        self.day: Counter[date] = Counter()

    def earn(self, row: dict[str, Any]) -> int:
        """Take in a basket, at most 500 points a day."""
        total = sum(minor for _, minor in row["lines"])
        doubled = sum(minor for category, minor in row["lines"] if category in DOUBLED)
        award = min(500 - self.day[row["at"].date()], (total + doubled) // 100)
        if award > 0:
            self.day[row["at"].date()] += award
            self.moved["award"] += 1
            self.lots.append((row["at"].replace(year=row["at"].year + 1), award))
        return max(award, 0)

    def redeem(self, at: datetime) -> int:
        """Give 1,000 points, those that end first first, if there are so many that do not end before."""
        usable = [(end, left) for end, left in self.lots if end > at]
        if sum(left for _, left in usable) < VOUCHER:
            return 0
        self.moved["redeem"] += 1
        wanted, kept = VOUCHER, [(end, left) for end, left in self.lots if end <= at]
        for end, left in usable:
            taken = min(left, wanted)
            wanted -= taken
            kept += [(end, left - taken)] if left > taken else []
        self.lots = kept
        return VOUCHER

    def expire(self, at: datetime) -> int:
        """Lose what is left of each lot that has ended."""
        ended = [left for end, left in self.lots if end <= at]
        self.lots = [(end, left) for end, left in self.lots if end > at]
        self.moved["expire"] += len(ended)
        return sum(ended)


def purses(rows: list[dict[str, Any]]) -> tuple[dict[int, Purse], dict[str, int]]:
    """Return what each member has in the end, and the figures: a voucher on each first, before that day's baskets."""
    members: dict[int, Purse] = defaultdict(Purse)
    firsts = [datetime(2017 + month // 12, month % 12 + 1, 1) for month in range(1, 13)]  # noqa: DTZ001  # as above
    issued = redeemed = 0
    for row in rows:
        while firsts and firsts[0] <= row["at"]:
            first = firsts.pop(0)
            redeemed += sum([purse.redeem(first) for purse in members.values()])
        if row["household"] % 20 != 1:
            issued += members[row["household"]].earn(row)
    redeemed += sum([purse.redeem(first) for first in firsts for purse in members.values()])
    expired = sum([purse.expire(AS_OF) for purse in members.values()])
    owed = sum(left for purse in members.values() for _, left in purse.lots)
    assert owed == issued - redeemed - expired
    moved = sum([purse.moved for purse in members.values()], Counter[str]())
    return members, {
        "points_issued": issued,
        "points_redeemed": redeemed,
        "points_expired": expired,
        "points_owed": owed,
        "awards": moved["award"],
        "movements": moved.total(),
    }


def traits(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return recency_days, orders_90d and top_categories of everybody who agreed to a portrait."""
    found: dict[int, dict[str, Any]] = {}
    own: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["household"] % 10 != 0:
            own[row["household"]].append(row)
    for household, mine in own.items():
        spent: dict[str, int] = defaultdict(int)
        for category, minor in (line for row in mine for line in row["lines"]):
            if category is not None:
                spent[category] += minor
        found[household] = {
            "recency_days": (AS_OF - max(row["at"] for row in mine)) // timedelta(days=1),
            "orders_90d": sum(row["at"] >= AS_OF - timedelta(days=90) for row in mine),
            "top_categories": sorted(spent, key=lambda name: (-spent[name], name))[:3],
        }
    return found


RULES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "active_this_week": lambda t: t["recency_days"] <= 7,
    "coffee_regulars": lambda t: t["recency_days"] <= 30 and t["orders_90d"] >= 10 and "COFFEE" in t["top_categories"],
    "cooling_down": lambda t: 31 <= t["recency_days"] <= 60,
    "frequent": lambda t: t["orders_90d"] >= 24,
    "lapsed": lambda t: t["recency_days"] > 60,
    "milk_households": lambda t: "FLUID MILK PRODUCTS" in t["top_categories"] and t["orders_90d"] >= 5,
    "newly_quiet": lambda t: 15 <= t["recency_days"] <= 45 and t["orders_90d"] >= 6,
}


def check_figures(figures: dict[str, Any], source: Path) -> None:
    rows = baskets(source)
    households = {row["household"] for row in rows}
    expected = {
        "people": len(households),
        "orders": len(rows),
        "lines": sum(len(row["lines"]) for row in rows),
        "sales_minor": sum(minor for row in rows for _, minor in row["lines"]),
        "personalised": sum(household % 10 != 0 for household in households),
        "members": sum(household % 20 != 1 for household in households),
        "rebuild_ok": True,
        "quarantined": 0,
    } | purses(rows)[1]
    assert {name: figures[name] for name in expected} == expected
    everybody = traits(rows).values()
    sizes = {name: sum(map(holds, everybody)) for name, holds in RULES.items()}
    assert {name: figures["segments"][name] for name in sizes} == sizes
    assert len(figures["segments"]) >= 8
    assert figures["segment_rules"].keys() == figures["segments"].keys()
    assert figures["terms_checked"] == figures["awards"]
    assert figures["points_redeemed"] > figures["points_owed"] > figures["points_expired"] > 0
    assert figures["anchored"] == figures["epochs"] == -(-figures["movements"] // 10_000)
    assert set(figures["contracts"]) == {"LedgerAnchor", "ProgramTerms:keyuan-market"}
    assert figures["gas"]["per_movement"] <= 6
    insight = figures["insight"]
    assert insight["revenue_minor"] == {"USD": figures["sales_minor"]}
    same = ("orders", "points_issued", "points_redeemed", "points_expired", "points_owed")
    assert {name: insight[name] for name in same} == {name: figures[name] for name in same}
    assert insight["segment_people"] == figures["segments"]
    check_experiment(figures["experiment"], rows)
    assert figures["seconds"]["total"] > 0
    assert figures["peak_mb"] > 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Run the demo once; return its data folder and figures; remove it at the end."""
    data = tmp_path_factory.mktemp("demo") / "data"
    yield data, demo(data, SAMPLE)
    assert keyuan("remove", "--data", str(data), "--yes").returncode == 0
    assert not data.exists()


def test_every_figure_is_what_an_independent_calculation_gives(finished: tuple[Path, dict[str, Any]]):
    check_figures(finished[1], SAMPLE)


def test_a_second_run_gives_the_same_and_takes_nothing_in(finished: tuple[Path, dict[str, Any]]):
    data, first = finished
    again = demo(data, SAMPLE)
    varying = {"seconds", "peak_mb", "url"}
    assert {k: v for k, v in again.items() if k not in varying} == {k: v for k, v in first.items() if k not in varying}
    assert "second way" not in again["seconds"]
    kept = json.loads(keyuan("experiment", "report", "milk_double", "--data", str(data), "--json").stdout)
    assert {name: value for name, value in kept.items() if name != "read_at"} == first["experiment"]


def test_verify_passes_and_fails_with_the_place_after_a_row_was_changed(finished: tuple[Path, dict[str, Any]]):
    data, _ = finished
    assert keyuan("verify", "--data", str(data)).stdout.startswith("PASS")
    doctor = json.loads(keyuan("doctor", "--data", str(data), "--json").stdout)
    assert doctor["ok"], doctor
    commands = doctor["postgres"]
    subprocess.run(commands["start"], shell=True, check=True, capture_output=True)  # noqa: S602  # as printed
    for table, column, change, where, place in (
        ("ledger.lot", "remaining", -1, "lot = 29000", "lot 29000"),
        ("ledger.entry", "points", 1, "seq = 5", "entry 5"),
        ("anchor.standing", "available", 1, "place = 0", "it does not stand where its leaves end"),
    ):
        statement = f"UPDATE {table} SET {column} = {column} + {{}} WHERE {where}"
        by_hand = f'{commands["psql"]} -c "{statement}"'
        subprocess.run(by_hand.format(change), shell=True, check=True, capture_output=True)  # noqa: S602  # as printed
        failed = keyuan("verify", "--data", str(data), "--json")
        subprocess.run(by_hand.format(-change), shell=True, check=True, capture_output=True)  # noqa: S602  # as printed
        found = json.loads(failed.stdout)
        assert failed.returncode == 1
        assert place in found["tenants"]["1"] + found["epochs"]["1"]
    subprocess.run(commands["stop"], shell=True, check=True, capture_output=True)  # noqa: S602  # as printed
    assert keyuan("verify", "--data", str(data)).returncode == 0


def test_a_person_can_take_along_what_is_kept_of_her(finished: tuple[Path, dict[str, Any]], tmp_path: Path):
    data, _ = finished
    out = tmp_path / "person.json"
    household = duckdb.sql(f"SELECT min(household_id) FROM '{SAMPLE}/demographics.parquet' WHERE household_id % 60 = 2")
    name = f"household:{household.fetchall()[0][0]}"
    assert keyuan("export", "person", "--person", name, "--data", str(data), "--out", str(out)).returncode == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["contact"].keys() == {"name", "email", "phone", "address"}
    assert all(each["made_up"] for each in found["contact"].values())
    entries = found["points"][0]["entries"]
    assert sum(entry["points"] for entry in entries) == found["points"][0]["available"] > 0


def checked(folder: Path, *words: str) -> tuple[int, str]:
    """Run the exported verifier alone, as a customer does, and return its exit code and what it said."""
    command = [sys.executable, "-I", "-S", "keyuan_verify.py", *words]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, check=False, timeout=60, encoding="utf-8")
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def proof(finished: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the proof of one household, the commitments, and the verifier."""
    folder, data = tmp_path_factory.mktemp("proof"), str(finished[0])
    files = ["--out", str(folder / "bundle.json"), "--commitments-out", str(folder / "commitments.json")]
    done = keyuan("export", "proof", "--person", HOUSEHOLD, *files, "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["epoch"], len(made["bundles"])) == (finished[1]["epochs"], 1)
    assert keyuan("export", "verifier", "--out", str(folder / "keyuan_verify.py")).returncode == 0
    return folder


def test_a_customer_checks_her_points_alone_with_three_files(proof: Path):
    assert (proof / "keyuan_verify.py").read_bytes() == Path(keyuan_verify.__file__).read_bytes()
    code, said = checked(proof, "bundle.json", "--commitments", "commitments.json", "--statement")
    bundle = json.loads((proof / "bundle.json").read_bytes())
    assert code == 0, said
    assert said.startswith("whole: nothing is missing to epoch 4, the newest\nkeyuan-market/points: ")
    moved = purses(baskets(SAMPLE))[0][int(HOUSEHOLD.partition(":")[2])].moved
    assert {kind: said.count(f"\t{kind}\t") for kind in ("award", "redeem", "expire")} == {"expire": 0} | moved
    assert len(bundle["leaves"]) == moved.total() > moved["award"] > 100


def test_a_proof_with_one_value_changed_is_refused_with_its_place(proof: Path):
    bundle = json.loads((proof / "bundle.json").read_bytes())
    bundle["leaves"][7]["base_minor"] += 1
    (proof / "changed.json").write_text(json.dumps(bundle))
    code, said = checked(proof, "changed.json", "--commitments", "commitments.json")
    assert code == 1
    assert said.startswith(f"refused: leaf {bundle['leaves'][7]['seq']} (award of ")


def test_a_proof_as_of_an_older_epoch_is_complete_only_to_it(finished: tuple[Path, dict[str, Any]], proof: Path):
    words = ["--person", HOUSEHOLD, "--epoch", "2", "--out", str(proof / "older.json"), "--data", str(finished[0])]
    done = keyuan("export", "proof", *words)
    assert re.fullmatch(r".*: \d+ movements of keyuan-market/points to epoch 2; \d+ newer .*\n", done.stdout), done
    code, said = checked(proof, "older.json", "--commitments", "commitments.json")
    assert (code, said.splitlines()[0]) == (3, "complete to epoch 2 of 4; ask for a newer proof")


def test_an_auditor_proves_what_is_owed_as_of_the_commitments_she_holds(
    finished: tuple[Path, dict[str, Any]], proof: Path
):
    data, figures = finished
    words = ["audit", "--brand", "keyuan-market", "--data", str(data), "--commitments"]
    done = keyuan(*words, str(proof / "commitments.json"), "--out", str(proof / "audit.json"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    owed = {"owed": figures["points_owed"], "available": figures["points_owed"], "held": 0, "epoch": 4, "epochs": 4}
    assert {name: found[name] for name in owed} == owed
    assert 0 < found["accounts"] <= figures["members"]
    code, said = checked(proof, "audit.json", "--commitments", "commitments.json")
    assert (code, f"owed {figures['points_owed']} points" in said) == (0, True), said
    known = json.loads((proof / "commitments.json").read_bytes())
    (proof / "hers.json").write_text(json.dumps(known | {"commitments": known["commitments"][:1]}))
    earlier = keyuan(*words, str(proof / "hers.json"))
    assert (earlier.returncode, earlier.stdout.splitlines()[0]) == (0, "whole: as of epoch 1, the newest you trust")
    (proof / "longer.json").write_text(json.dumps(known | {"commitments": [*known["commitments"], "00" * 32]}))
    assert keyuan(*words, str(proof / "longer.json")).returncode == 3
    (proof / "others.json").write_text(json.dumps(known | {"commitments": ["00" * 32]}))
    refused = keyuan(*words, str(proof / "others.json"))
    assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
        1,
        "keyuan: Refused: epoch 1: this is not the header that was committed to.",
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["export", "proof", "--person", "nobody", "--out", "{out}"], "Nobody of this userId"),
        (["export", "proof", "--person", HOUSEHOLD, "--out", "{out}", "--commitments-out", "{out}"], "of their own"),
        (["audit", "--brand", "nobody", "--commitments", "{known}"], "keyuan-market/points"),
        (["audit", "--brand", "keyuan-market"], "Say whom you trust"),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
def test_a_proof_that_cannot_be_made_is_one_clear_line(
    finished: tuple[Path, dict[str, Any]], proof: Path, words: list[str], says: str
):
    names = {"out": proof / "none.json", "known": proof / "commitments.json"}
    done = keyuan(*(word.format(**names) for word in words), "--data", str(finished[0]))
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, says in last) == (2, True), done.stderr
    assert not (proof / "none.json").exists()


def test_the_demos_own_check_runs_the_shipped_verifier_and_fails_when_the_chain_says_otherwise(
    finished: tuple[Path, dict[str, Any]],
):
    with opened(load_settings(finished[0])) as installation:
        assert proof_holds(installation, HOUSEHOLD)
        assert not proof_holds(installation, HOUSEHOLD, lambda _contract: [bytes(32)] * 4)


def test_the_same_rule_gives_the_same_answer_on_each_engine(finished: tuple[Path, dict[str, Any]], tmp_path: Path):
    data, _ = finished
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"a": 1, "b": ["x"]}\n{"a": null, "b": []}\n{"a": 7, "b": ["y", "x"]}\n')
    for engine in ("closure", "postgres", "duckdb"):
        done = keyuan(
            "rule",
            "eval",
            "a <= 5 AND 'x' IN b",
            "--rows",
            str(rows),
            "--engine",
            engine,
            "--json",
            "--data",
            str(data),
        )
        assert json.loads(done.stdout) == [True, False, False], done.stderr


def test_a_refused_rule_says_the_same_whatever_the_engine(tmp_path: Path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"a": 1}\n')
    said = set[str]()
    for engine in ("closure", "postgres", "duckdb"):
        done = keyuan(
            "rule", "eval", "b > 1", "--rows", str(rows), "--engine", engine, "--data", str(tmp_path / "none")
        )
        assert done.returncode == 2
        assert not (tmp_path / "none").exists()
        said.add(done.stderr)
    assert len(said) == 1


@pytest.mark.long
def test_the_whole_year_gives_the_figures_too(tmp_path: Path):
    figures = demo(tmp_path / "data", None)
    try:
        check_figures(figures, source_folder(None))
    finally:
        keyuan("remove", "--data", str(tmp_path / "data"), "--yes")
