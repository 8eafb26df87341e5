"""An installation is opened by whoever needs it, and stopped by the last one out; also on a foreign PostgreSQL."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from keyuan.app.installation import LostKeysError, opened
from keyuan.app.use import AlreadyServedError, is_served, served, used
from keyuan.engines.database.embedded import open_cluster
from keyuan.kernel.config import ConfigError, Settings, load_settings
from real_server import Server


def url(facts: dict[str, object], database: str) -> str:
    """Return connection keywords as an address; the host is a folder of a Unix socket."""
    return (
        f"postgresql://{facts['user']}:{quote(str(facts['password']))}@/{database}"
        f"?host={quote(str(facts['host']), safe='')}&port={facts['port']}"
    )


@pytest.fixture
def bare_database(server: Server):
    name = f"bare_{os.getpid()}"
    with psycopg.connect(**server.superuser | {"dbname": "postgres"}, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER keyuan_owner")
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_last_user_of_a_folder_stops_its_postgresql(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "data")
    with opened(settings) as first:
        with opened(settings) as second:
            assert second.cluster is not None
            with second.database.transaction(1) as session:
                assert session.row("SELECT sec.tenant()") == (1,)
        assert open_cluster(first.folder).running()
    assert not open_cluster(tmp_path / "data").running()
    (tmp_path / "data" / "keys" / "kek").rename(tmp_path / "kek")
    with pytest.raises(LostKeysError), opened(settings):
        pass
    (tmp_path / "kek").rename(tmp_path / "data" / "keys" / "kek")
    subprocess.run(
        [sys.executable, "-m", "keyuan.cli", "remove", "--data", str(tmp_path / "data"), "--yes"], check=True
    )


def test_one_serves_and_many_use(tmp_path: Path):
    with used(tmp_path) as first, used(tmp_path) as second, served(tmp_path):
        assert not first.leave()
        assert second.leave()
        assert is_served(tmp_path)
        with pytest.raises(AlreadyServedError), served(tmp_path):
            pass
    assert not is_served(tmp_path)


def test_a_foreign_postgresql_is_migrated_and_used_with_both_addresses(
    server: Server, bare_database: str, tmp_path: Path
):
    environment = os.environ | {
        "DATABASE_URL": url(server.app, bare_database),
        "DATABASE_OWNER_URL": url(server.owner, bare_database),
    }
    command = [sys.executable, "-m", "keyuan.cli", "doctor", "--data", str(tmp_path / "data"), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"]
    assert found["postgres"] == {}
    assert not (tmp_path / "data" / "postgres.json").exists()


def test_a_superuser_is_refused_as_the_app_role(server: Server, bare_database: str, tmp_path: Path):
    environment = os.environ | {
        "DATABASE_URL": url(server.superuser, bare_database),
        "DATABASE_OWNER_URL": url(server.owner, bare_database),
    }
    command = [sys.executable, "-m", "keyuan.cli", "verify", "--data", str(tmp_path / "data")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "BYPASSRLS" in done.stderr
    assert server.superuser["password"] not in done.stderr


def test_settings_come_from_the_file_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "keyuan.toml").write_text('port = 8123\ntenant_name = "Corner shop"\n', encoding="utf-8")
    assert load_settings(tmp_path).port == 8123
    monkeypatch.setenv("KEYUAN_DATA_DIR", str(tmp_path))
    assert load_settings().port == 8123
    monkeypatch.setenv("KEYUAN_PORT", "8124")
    settings = load_settings(tmp_path)
    assert (settings.port, settings.tenant_name, settings.data_dir) == (8124, "Corner shop", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 70000\ncolour = 1\n", "colour"),
        ("port = \n", "not valid TOML"),
        ('database_url = "postgresql://x"\n', "belong into the environment"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, said: str):
    (tmp_path / "keyuan.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_settings(tmp_path)
