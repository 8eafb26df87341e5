"""What every lake promises, asked of the embedded one: appends once, racing writers, erasure, damage."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import pytest
from deltalake.exceptions import DeltaError

from keyuan.engines.lake import (
    Lake,
    LakeDamagedError,
    LakeMovedError,
    LakeShapeError,
    Row,
    Shape,
    Span,
    Step,
)
from keyuan.engines.lake.embedded import DeltaLake, delta
from keyuan.engines.lake.embedded.locks import writing
from keyuan.engines.lake.embedded.tables import DeltaTables
from keyuan.kernel.errors import EngineError

SHAPE = Shape(
    "visits", {"seq": "int64", "customer": "int64", "shop": "text", "at_us": "int64", "day": "date"}, "counter"
)
DAY = date(2017, 3, 1)

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from engines.test_lake import DeltaLake, SHAPE, fill
lake = DeltaLake(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    position = lake.position(1, SHAPE)
    fill(lake, position, position + 7)
    print(position + 7, flush=True)
"""


def lake_folder(tmp_path: Path) -> Path:
    """Return a folder whose name an address writes otherwise."""
    return tmp_path / "a lake 客"


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(lake_folder(tmp_path))


def columns(after: int, upto: int) -> dict[str, list[object]]:
    """One row for each number in (after, upto]; who came is the number modulo 10."""
    numbers = list(range(after + 1, upto + 1))
    return {
        "seq": [*numbers],
        "customer": [number % 10 for number in numbers],
        "shop": ["north" if number % 2 else None for number in numbers],
        "at_us": [number * 1_000 for number in numbers],
        "day": [DAY for _ in numbers],
    }


def fill(lake: Lake, after: int, upto: int, tenant: int = 1) -> None:
    lake.append(tenant, SHAPE, columns(after, upto), Step(after, upto))


def seen(lake: Lake, ask: Callable[[Any], Any] = lambda table: table.order_by("seq"), tenant: int = 1) -> list[Row]:
    with lake.open(tenant) as tables:
        return tables.rows(ask(tables.table(SHAPE)))


def numbers(lake: Lake, tenant: int = 1) -> list[int]:
    return [row[0] for row in seen(lake, lambda table: table.select("seq").order_by("seq"), tenant)]


def folder_of(lake: DeltaLake, tenant: int = 1) -> Path:
    return lake.place(tenant, SHAPE)


def test_what_is_appended_is_read_and_the_position_moves_with_it(lake: DeltaLake):
    assert (lake.position(1, SHAPE), numbers(lake)) == (0, [])
    fill(lake, 0, 3)
    fill(lake, 3, 5)
    assert lake.position(1, SHAPE) == 5
    rows = [(n, n % 10, "north" if n % 2 else None, n * 1_000, DAY) for n in range(1, 6)]
    assert seen(lake) == rows


def test_a_repeated_append_changes_nothing(lake: DeltaLake):
    fill(lake, 0, 4)
    for step in (Step(0, 4), Step(3, 4), Step(0, 9), Step(5, 9)):
        with pytest.raises(LakeMovedError) as caught:
            lake.append(1, SHAPE, columns(0, 4), step)
        assert caught.value.facts["position"] == 4
    assert numbers(lake) == [1, 2, 3, 4]


def test_a_position_may_move_without_rows(lake: DeltaLake):
    fill(lake, 0, 2)
    lake.append(1, SHAPE, columns(0, 0), Step(2, 900))
    assert (lake.position(1, SHAPE), numbers(lake)) == (900, [1, 2])


def test_of_two_racing_writers_one_adds_its_rows(lake: DeltaLake):
    def race(_: int) -> bool:
        try:
            fill(lake, 0, 6)
        except LakeMovedError:
            return False
        return True

    with ThreadPoolExecutor(4) as hands:
        assert sorted(hands.map(race, range(4))) == [False, False, False, True]
    assert numbers(lake) == [1, 2, 3, 4, 5, 6]


def test_tenants_have_tables_of_their_own(lake: DeltaLake):
    fill(lake, 0, 3)
    fill(lake, 0, 2, tenant=2)
    assert (numbers(lake), numbers(lake, 2)) == ([1, 2, 3], [1, 2])
    others = next(folder_of(lake, 1).glob("*.parquet"))
    with lake.open(2) as tables, pytest.raises(duckdb.PermissionException):
        assert isinstance(tables, DeltaTables)
        tables._connection.execute(f"SELECT * FROM read_parquet('{others}')")


def test_a_writer_that_is_killed_leaves_whole_appends_only(lake: DeltaLake, tmp_path: Path):
    tests = str(Path(__file__).parents[1])
    for wait_s in (0.0, 0.11):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(lake_folder(tmp_path)), tests], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            told = int(child.stdout.readline())
            time.sleep(wait_s)
            os.kill(child.pid, signal.SIGKILL)
            told = max([told, *(int(line) for line in child.stdout if line.endswith("\n"))])
        position = lake.position(1, SHAPE)
        assert position >= told
        assert numbers(lake) == list(range(1, position + 1))


def test_files_of_a_writer_that_was_killed_before_its_commit_are_not_read_and_go_with_the_next_removal(
    lake: DeltaLake,
):
    fill(lake, 0, 3)
    written = next(folder_of(lake).glob("*.parquet"))
    left = written.with_name(f"left-{written.name}")
    left.write_bytes(written.read_bytes())
    assert numbers(lake) == [1, 2, 3]
    fill(lake, 3, 4)
    assert numbers(lake) == [1, 2, 3, 4]
    lake.delete(1, SHAPE, "seq", [4])
    assert not left.exists()


def test_a_person_who_is_deleted_leaves_every_version(lake: DeltaLake):
    for after in range(0, 40, 8):
        fill(lake, after, after + 8)
    assert lake.delete(1, SHAPE, "customer", [3, 5]) == 8
    assert [row[1] for row in seen(lake)] == [n % 10 for n in range(1, 41) if n % 10 not in {3, 5}]
    check_that_nothing_old_is_left(lake, {3, 5})
    assert lake.position(1, SHAPE) == 40
    fill(lake, 40, 42)
    assert len(numbers(lake)) == 34


def test_a_person_who_is_unlinked_leaves_every_version_and_her_rows_stay(lake: DeltaLake):
    for after in range(0, 40, 8):
        fill(lake, after, after + 8)
    changed = lake.unlink(1, SHAPE, "customer", [Span(3, None, 13_001), Span(5, 15_000, None), Span(7, 17_000, 27_000)])
    assert changed == 2 + 3 + 1
    gone = {3, 13, 15, 25, 35, 17}
    assert [row[:2] for row in seen(lake)] == [(n, None if n in gone else n % 10) for n in range(1, 41)]
    check_that_nothing_old_is_left(lake, set())
    assert lake.position(1, SHAPE) == 40


def check_that_nothing_old_is_left(lake: DeltaLake, gone: set[int]) -> None:
    """One version, its files alone, and in its log no value of a row."""
    folder = folder_of(lake)
    table = deltalake.DeltaTable(folder)
    files = {Path(name).name for name in table.file_uris()}
    assert {path.name for path in folder.glob("*.parquet")} == files
    for name in files:
        rows: Any = deltalake.DeltaTable(folder).to_pyarrow_table()
        assert not gone & set(rows.column("customer").to_pylist()), name
    log = sorted(path.name for path in (folder / "_delta_log").iterdir())
    assert sum(name.endswith(".json") for name in log) <= 1
    for path in (folder / "_delta_log").glob("*.json"):
        assert b"customer" not in path.read_bytes()
    with pytest.raises(DeltaError):
        deltalake.DeltaTable(folder, version=table.version() - 3).to_pyarrow_table()


def test_the_log_of_a_table_holds_no_values_of_rows(lake: DeltaLake):
    fill(lake, 0, 8)
    for path in (folder_of(lake) / "_delta_log").glob("*.json"):
        for line in path.read_text(encoding="utf-8").splitlines():
            stats = json.loads(json.loads(line).get("add", {}).get("stats", "{}"))
            assert not stats.get("minValues"), path.name
            assert not stats.get("maxValues"), path.name


def test_a_table_of_other_columns_is_refused(lake: DeltaLake):
    fill(lake, 0, 2)
    other = Shape(SHAPE.name, {"seq": "int64", "customer": "text"}, SHAPE.reader)
    with pytest.raises(LakeShapeError):
        lake.append(1, other, {"seq": [3], "customer": ["x"]}, Step(2, 3))
    with lake.open(1) as tables, pytest.raises(LakeShapeError):
        tables.table(other)
    assert numbers(lake) == [1, 2]


def test_columns_of_different_lengths_are_refused(lake: DeltaLake):
    with pytest.raises(ValueError, match="length"):
        lake.append(1, SHAPE, columns(0, 3) | {"seq": [1]}, Step(0, 3))
    assert (lake.position(1, SHAPE), numbers(lake)) == (0, [])


@pytest.mark.parametrize("harm", ["cut", "gone", "log"])
def test_a_damaged_table_says_what_to_do(lake: DeltaLake, harm: str):
    fill(lake, 0, 2)
    folder = folder_of(lake)
    path = next(folder.glob("*.parquet"))
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif harm == "gone":
        path.unlink()
    else:
        next((folder / "_delta_log").glob("*.json")).write_text("{", encoding="utf-8")
    with pytest.raises(LakeDamagedError, match="delete the table's folder"):
        numbers(lake)


def test_columns_from_memory_stand_beside_the_table_and_go_with_it(lake: DeltaLake):
    fill(lake, 0, 20)
    kinds = {"customer": "int64", "name": "text"}
    with lake.open(1) as tables:
        told = tables.beside("told", kinds, {"customer": [3, 99], "name": ["three", None]})
        joined = told.left_join(tables.table(SHAPE), "customer").select("customer", "name", "seq")
        assert tables.rows(joined.order_by("seq")) == [(3, "three", 3), (3, "three", 13), (99, None, None)]
        assert tables.rows(tables.beside("none", kinds, {"customer": [], "name": []})) == []
    with lake.open(1) as tables, pytest.raises(EngineError):
        tables.rows(told)


def test_a_version_is_another_one_after_each_change_and_only_then(lake: DeltaLake):
    versions = [lake.version(1, SHAPE)]
    for change in (
        lambda: fill(lake, 0, 5),
        lambda: fill(lake, 5, 9),
        lambda: lake.unlink(1, SHAPE, "customer", [Span(3, None, None)]),
        lambda: lake.delete(1, SHAPE, "customer", [5]),
    ):
        change()
        versions.append(lake.version(1, SHAPE))
        numbers(lake)
        assert lake.version(1, SHAPE) == versions[-1]
    assert versions == sorted(set(versions))
    assert lake.version(2, SHAPE) == versions[0] == -1


def test_many_small_files_are_put_together(lake: DeltaLake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delta, "_FILES_MAX", 5)
    for after in range(12):
        fill(lake, after, after + 1)
    assert numbers(lake) == list(range(1, 13))
    assert len(list(folder_of(lake).glob("*.parquet"))) <= 6
    assert lake.position(1, SHAPE) == 12


def test_who_reads_keeps_the_files_until_the_end(lake: DeltaLake):
    fill(lake, 0, 20)
    with ThreadPoolExecutor(1) as hand:
        with lake.open(1) as tables:
            table = tables.table(SHAPE)
            removal = hand.submit(lake.delete, 1, SHAPE, "seq", [4])
            time.sleep(0.2)
            assert not removal.done()
            assert tables.rows(table.count().as_table()) == [(20,)]
        assert removal.result() == 1
    assert len(numbers(lake)) == 19


def test_a_writer_waits_for_the_one_before_it(lake: DeltaLake):
    fill(lake, 0, 2)
    with ThreadPoolExecutor(1) as hand:
        with writing(folder_of(lake)):
            second = hand.submit(fill, lake, 2, 4)
            time.sleep(0.2)
            assert not second.done()
            assert numbers(lake) == [1, 2]
        second.result()
    assert numbers(lake) == [1, 2, 3, 4]


def test_only_its_owner_may_look_into_the_folder(lake: DeltaLake, tmp_path: Path):
    fill(lake, 0, 2)
    assert lake_folder(tmp_path).stat().st_mode & 0o077 == 0
