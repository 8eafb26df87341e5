"""The command line as people and scripts use it: odd words, wrong paths, signals, and two commands at once."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from typer.main import get_command

from few_households import few_households
from keyuan.app.use import is_served, served
from keyuan.cli.main import app
from keyuan.engines.database.embedded import open_cluster

KEYUAN = [sys.executable, "-m", "keyuan.cli"]
HOUSEHOLDS = 12
WAIT_S = 120


def keyuan(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*KEYUAN, *words], input=stdin, capture_output=True, text=True, timeout=WAIT_S, check=False, encoding="utf-8"
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_households(tmp_path_factory.mktemp("few") / "source", HOUSEHOLDS)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Return a data folder to come, with a name that needs quotes; it is removed at the end."""
    folder = tmp_path / "a shop 客"
    yield folder
    if folder.exists():
        assert keyuan("remove", "--data", str(folder), "--yes").returncode == 0
    assert not folder.exists()


def commands() -> Iterator[tuple[str, Any]]:
    """Return the words and the command of everything that `keyuan` can do."""
    for name, command in get_command(app).commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        inner = getattr(command, "commands", None)
        yield from [(name, command)] if inner is None else ((f"{name} {each}", inner[each]) for each in inner)


def test_every_command_has_json_and_a_data_folder():
    found = {name: {word for option in command.params for word in option.opts} for name, command in commands()}
    hidden = found.pop("fork-server")
    assert hidden >= {"--data"}
    assert found.keys() >= {
        *("up", "demo", "import", "replay", "verify", "rule eval"),
        *("export person", "export ledger", "export segment", "export proof", "export verifier", "audit"),
        *("doctor", "config show", "remove"),
    }
    for name, options in found.items():
        assert options >= {"--json", "--data"}, name


def test_a_rule_may_begin_with_a_minus_and_rows_may_come_from_a_pipe():
    rows = '{"a": 1}\r\n{"a": -5.0}\r\n{}\r\n\r\n'
    done = keyuan("rule", "eval", "-a < 3", "--rows", "/dev/stdin", "--json", stdin=rows)
    assert (done.returncode, json.loads(done.stdout)) == (0, [True, False, None]), done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["verify", "--data", "{file}"], "File exists"),
        (["demo", "--exit", "--source", "{missing}", "--data", "{missing}"], "does not hold all files"),
        (["config", "show", "--data", "x" * 300], "too long"),
        (["rule", "eval", "a = 1", "--rows", "{folder}"], "There is no file"),
    ],
)
def test_a_path_that_cannot_be_used_is_one_clear_line(tmp_path: Path, words: list[str], says: str):
    (tmp_path / "file").touch()
    names = {"file": tmp_path / "file", "missing": tmp_path / "missing", "folder": tmp_path}
    done = keyuan(*(word.format(**names) for word in words))
    assert done.returncode in {1, 2}
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "missing").exists()


def test_sigterm_in_the_middle_of_the_job_leaves_nothing_running(data: Path, source: Path):
    words = ["demo", "--data", str(data), "--source", str(source)]
    with subprocess.Popen([*KEYUAN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stderr is not None
        assert job.stderr.readline() == "Record consents: done\n"
        job.terminate()
        assert "Traceback" not in job.communicate(timeout=WAIT_S)[1]
    assert job.returncode == 130
    assert not open_cluster(data).running()
    assert not is_served(data)


SWALLOWS = """
import os, signal, time
from keyuan.cli.output import stop_cleanly_on_signals, told_errors

class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)

with told_errors():
    stop_cleanly_on_signals()
    Swallows()
    time.sleep(20)
    print("went on")
"""


def test_a_signal_where_python_swallows_exceptions_still_stops_a_command():
    done = subprocess.run([sys.executable, "-c", SWALLOWS], capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "keyuan: interrupted\n")


def browser(folder: Path) -> tuple[dict[str, str], Path]:
    """Return an environment whose browser notes what it is to open, and where it does."""
    opened, program = folder / "opened", folder / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    program.chmod(0o700)
    return os.environ | {"BROWSER": f"{program} %s"}, opened


def wait_for(path: Path) -> str:
    end = time.monotonic() + WAIT_S
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < end
        time.sleep(0.05)
    return path.read_text().strip()


def test_the_demo_serves_a_console_and_a_wallet_until_it_is_stopped(data: Path, source: Path):
    words = ["demo", "--data", str(data), "--source", str(source), "--open", "--json"]
    environment, opened = browser(data.parent)
    with subprocess.Popen([*KEYUAN, *words], stdout=subprocess.PIPE, text=True, env=environment) as job:
        assert job.stdout is not None
        figures = json.loads(job.stdout.readline())
        run_file = data / "run.json"
        found = json.loads(run_file.read_text(encoding="utf-8"))
        assert run_file.stat().st_mode & 0o777 == 0o600
        assert {"console", "console_user", "console_password", "wallet"} <= found.keys()
        assert "console_password" not in figures
        assert wait_for(opened) == f"{found['url']}/"
        with httpx.Client(follow_redirects=True, timeout=60) as client:
            assert client.get(found["wallet"]).status_code == 200
            assert client.get(found["console"]).url.path == "/en/console/login"
        job.terminate()
        assert job.wait(WAIT_S) == 0
    assert not run_file.exists()


def test_the_demo_works_beside_a_running_up(data: Path, source: Path):
    words = ["demo", "--data", str(data), "--source", str(source), "--exit", "--json"]
    environment, opened = browser(data.parent)
    command = [*KEYUAN, "up", "--data", str(data), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as up:
        assert up.stdout is not None
        where = json.loads(up.stdout.readline())
        beside = keyuan(*words)
        assert beside.returncode == 0, beside.stderr
        pids = json.loads((data / "run.json").read_text(encoding="utf-8"))["pids"]
        nice = {name: psutil.Process(pid).nice() for name, pid in pids.items()}
        assert nice["web"] < nice["points"] == nice["portraits"], "who sends waits for an answer"
        out = data.parent / "no such folder" / "entries.csv"
        refused = keyuan("export", "ledger", "--data", str(data), "--out", str(out))
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
        up.terminate()
        up.communicate(timeout=WAIT_S)
    assert up.returncode == 0
    assert not open_cluster(data).running()
    figures = json.loads(beside.stdout.splitlines()[-1])
    assert not opened.exists(), "nobody asked for a browser"
    assert figures["url"] == where["url"]
    assert (figures["people"], figures["rebuild_ok"], figures["quarantined"]) == (HOUSEHOLDS, True, 0)


ASKS = """
import pathlib, sys
from few_households import few_households
from keyuan.app.use import is_served
print(flush=True)
while True:
    is_served(pathlib.Path(sys.argv[1]))
"""


def test_who_asks_who_serves_is_in_nobodys_way(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", ASKS, str(tmp_path)], stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        asking.stdout.readline()
        try:
            for _ in range(100):
                with served(tmp_path):
                    assert is_served(tmp_path)
        finally:
            asking.kill()
