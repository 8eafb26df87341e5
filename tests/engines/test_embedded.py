"""The embedded PostgreSQL on real clusters: start, kill, adopt, stop; its settings, passwords and commands."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import psutil
import psycopg
import pytest

from keyuan.engines.database.embedded import (
    Cluster,
    Sampler,
    open_cluster,
    ports,
    processes,
    remove,
    settings,
    superuser_commands,
    tree_pss_mb,
)
from keyuan.engines.database.embedded.layout import Layout
from keyuan.kernel.errors import EngineError
from real_cluster import STARTER, ask, paste, run, wait_until

WANTED = {
    "data_checksums": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "jit": "off",
    "listen_addresses": "127.0.0.1",
    "log_min_error_statement": "panic",
    "password_encryption": "scram-sha-256",
    "server_encoding": "UTF8",
    "synchronous_commit": "on",
    "TimeZone": "UTC",
    "unix_socket_permissions": "0700",
}


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


def test_a_stopped_cluster_leaves_no_process_and_keeps_its_rows_and_its_port(cluster: Cluster):
    run(cluster, "CREATE TABLE kept AS SELECT 7 AS n")
    port = cluster.port
    cluster.stop()
    assert processes.of_cluster(cluster.layout.data) == []
    assert list(cluster.layout.sockets.iterdir()) == []
    assert not cluster.running()
    cluster.stop()
    cluster.start()
    assert (cluster.port, ask(cluster, "SELECT n FROM kept")) == (port, 7)


def test_it_is_durable_private_and_silent_about_personal_data(cluster: Cluster):
    for name, value in WANTED.items():
        assert ask(cluster, f"SHOW {name}") == value
    with psycopg.connect(**cluster.superuser()) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT 'ann@example.com'::int")
    with psycopg.connect(**cluster.superuser()) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT %s::text::int", ["ann@example.com"])
    cluster.stop()
    words = "".join(path.read_text() for path in cluster.layout.log.iterdir())
    assert "ann@example.com" not in words
    assert "database system" in words


def test_a_wrong_password_is_refused_on_the_socket_and_on_tcp(cluster: Cluster):
    for tcp in (False, True):
        facts = cluster.dsn("postgres", "postgres", tcp=tcp)
        for wrong in ({"password": "guess"}, {}):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(**facts, **wrong)
        assert ask(cluster, "SELECT 1", host=facts["host"]) == 1
    assert {line.split()[-1] for line in settings.ACCESS.splitlines()[1:]} == {"scram-sha-256"}


def test_passwords_are_in_private_files_and_in_no_argument_or_environment(cluster: Cluster):
    superuser_commands(cluster)
    secret = cluster.superuser()["password"]
    assert isinstance(secret, str)
    assert stat.S_IMODE(cluster.layout.keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in cluster.layout.key_files()} == {0o600}
    for process in processes.of_cluster(cluster.layout.data):
        with suppress(psutil.NoSuchProcess):
            assert secret not in f"{process.cmdline()} {process.environ()}"
    inside = [path for path in cluster.layout.home.rglob("*") if path.is_file() and path.stat().st_size < 100_000]
    assert [path for path in inside if secret.encode() in path.read_bytes()] == []


def test_a_killed_postmaster_is_started_again_on_its_port_with_what_was_committed(cluster: Cluster):
    run(cluster, "CREATE TABLE again AS SELECT 7 AS n")
    pid, port = cluster.pid, cluster.port
    assert pid is not None
    assert not cluster.ensure()
    os.kill(pid, signal.SIGKILL)
    assert cluster.ensure()
    assert cluster.pid not in {None, pid}
    assert (cluster.port, ask(cluster, "SELECT n FROM again")) == (port, 7)


def test_children_that_a_killed_postmaster_left_busy_are_ended_before_the_next_start(cluster: Cluster):
    busy = subprocess.Popen([sys.executable, "-c", _BUSY, json.dumps(cluster.superuser())], stderr=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: ask(cluster, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%'") > 1
        )
        before = {process.pid for process in processes.of_cluster(cluster.layout.data)}
        assert cluster.pid is not None
        os.kill(cluster.pid, signal.SIGKILL)
        cluster.start()
        assert not before & {process.pid for process in processes.of_cluster(cluster.layout.data)}
        assert ask(cluster, "SELECT 1") == 1
    finally:
        busy.kill()
        busy.wait()


_BUSY = """
import json, sys, psycopg
psycopg.connect(**json.loads(sys.argv[1])).execute("SELECT sum(i) FROM generate_series(1, 100000000000) AS i")
"""


def test_a_killed_child_is_survived(cluster: Cluster):
    with psycopg.connect(**cluster.superuser()) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    cluster.ensure()
    cluster.start()
    assert ask(cluster, "SELECT 1") == 1


def test_a_killed_starter_leaves_a_server_that_the_next_start_adopts(cluster: Cluster):
    cluster.stop()
    folder = str(cluster.layout.data_dir)
    starter = subprocess.Popen([sys.executable, "-c", STARTER, folder], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter:
        assert starter.stdout.readline() == "started\n"
        starter.kill()
    pid = cluster.pid
    cluster.start()
    assert cluster.pid == pid is not None
    assert os.getsid(pid) != os.getsid(0)
    assert ask(cluster, "SELECT 1") == 1


def test_two_starts_at_once_give_one_server(cluster: Cluster):
    cluster.stop()
    clusters = [open_cluster(cluster.layout.data_dir) for _ in range(2)]
    threads = [threading.Thread(target=cluster.start) for cluster in clusters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clusters[0].pid == clusters[1].pid is not None
    parents = [p for p in processes.of_cluster(clusters[0].layout.data) if p.ppid() != clusters[0].pid]
    assert [process.pid for process in parents] == [clusters[0].pid]


def test_a_stale_file_that_names_another_process_is_not_believed(cluster: Cluster):
    pid = cluster.pid
    assert pid is not None
    lines = (cluster.layout.data / "postmaster.pid").read_text().splitlines()
    os.kill(pid, signal.SIGKILL)
    assert processes.wait_gone(cluster.layout.data, 30.0)
    stale = cluster.layout.data / "postmaster.pid"
    stale.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert cluster.pid is None
    cluster.start()
    assert ask(cluster, "SELECT 1") == 1


def test_a_port_that_is_taken_between_two_starts_is_left_alone(cluster: Cluster):
    port = cluster.port
    cluster.stop()
    with socket.create_server(("127.0.0.1", port)):
        cluster.start()
    assert cluster.running()
    assert cluster.port != port


def test_a_port_that_is_taken_at_the_last_moment_is_given_up(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    cluster.stop()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = ports.choose

        def too_late(layout: Layout, avoid: set[int]) -> int:
            return chosen(layout, avoid) if avoid else port

        monkeypatch.setattr(ports, "choose", too_late)
        cluster.start()
    assert cluster.running()
    assert cluster.port != port


def test_a_lost_superuser_password_is_said_and_not_replaced(cluster: Cluster):
    cluster.stop()
    for path in cluster.layout.key_files():
        path.rename(f"{path}.away")
    with pytest.raises(EngineError, match="restore"):
        cluster.start()
    for path in cluster.layout.keys.glob("*.away"):
        path.rename(path.with_suffix(""))


def test_the_printed_commands_start_open_psql_and_stop_when_nothing_runs(cluster: Cluster):
    cluster.stop()
    commands = superuser_commands(cluster, "postgres")
    paste(commands["start"])
    assert paste(f"{commands['psql']} -tAc 'SHOW is_superuser'") == "on\n"
    paste(commands["stop"])
    assert not cluster.running()
    secret = cluster.superuser()["password"]
    assert all(str(secret) not in line for line in commands.values())


def test_memory_is_measured_over_the_tree_and_the_peak_is_kept(cluster: Cluster):
    assert 5 < tree_pss_mb([cluster.pid]) < 500
    assert tree_pss_mb([None, 2**22 + 1]) == 0
    both = tree_pss_mb([os.getpid(), cluster.pid])
    assert both > tree_pss_mb([os.getpid()])
    with Sampler(lambda: [os.getpid()], every_s=0.01) as memory:
        ballast = bytearray(b"x") * 80_000_000
        now_mb = memory.sample()
        del ballast
    assert memory.peak_mb >= now_mb > 76
