"""An installation opened: PostgreSQL running and migrated, keys at hand, the app role connected.

Every command works with or without a running `up`: it adopts what runs, or starts its own and, as the last user of
the data folder, stops it again.
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyuan.app.use import used
from keyuan.engines.database import Database, Session
from keyuan.engines.database.bootstrap import APP, Roles, bootstrap, bootstrap_url
from keyuan.engines.database.embedded import Cluster, open_cluster
from keyuan.engines.database.embedded.passwords import kept_password
from keyuan.engines.database.migrate import add_tenant, migrate
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.kernel.config import Settings
from keyuan.kernel.errors import CorruptionError

DATABASE_NAME = "keyuan"
KEYS = "keys"
_OURS = "postgres.ours"
"""Stands while PostgreSQL runs because a command of ours started it; one started by hand is left running."""

Progress = Callable[[str], None]


class LostKeysError(CorruptionError):
    """The keys are gone and the data is there: restore the keys from your backup; new ones would open nothing."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command works with. `cluster` is None on a PostgreSQL that somebody else runs."""

    settings: Settings
    folder: Path
    database: Database = field(repr=False)
    secrets: Secrets = field(repr=False)
    cluster: Cluster | None

    @property
    def tenant(self) -> int:
        """The tenant that commands work for."""
        return self.settings.tenant

    def tenants(self) -> list[int]:
        """Return all tenants; the list is readable to every tenant's session."""
        with self.session() as session:
            return [row[0] for row in session.rows("SELECT t.tenant FROM sec.tenant_list AS t ORDER BY t.tenant")]

    def session(self, *, snapshot: bool = False) -> AbstractContextManager[Session]:
        """Open a transaction of the tenant that commands work for."""
        return self.database.transaction(self.tenant, snapshot=snapshot)


def _quiet(_text: str) -> None:
    """Nobody listens."""


@contextmanager
def opened(settings: Settings, *, progress: Progress = _quiet) -> Generator[Installation, None, None]:
    """Open an installation, starting what does not run; stop it at the end if nobody else uses it."""
    folder = settings.data_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with used(folder) as use:
        cluster = None if settings.database_url else open_cluster(folder)
        if cluster is not None and cluster.layout.data.exists() and not (folder / KEYS / "kek").exists():
            raise LostKeysError(keys=folder / KEYS)
        secrets = open_secrets(folder / KEYS)
        try:
            if cluster is not None:
                _start(cluster, folder / _OURS, progress)
            roles = _roles(settings, cluster, folder / KEYS)
            migrate(roles.owner, secrets.token)
            add_tenant(roles.owner, settings.tenant, settings.tenant_name)
            with Database(roles.app, secrets.token) as database:
                yield Installation(settings, folder, database, secrets, cluster)
        finally:
            if cluster is not None and (folder / _OURS).exists() and use.leave():
                cluster.stop()
                (folder / _OURS).unlink(missing_ok=True)


@contextmanager
def attached(settings: Settings, *, size: int = 4) -> Generator[Installation, None, None]:
    """Join an installation that `up` keeps running, as one of its processes: with the app role only."""
    folder = settings.data_dir.resolve()
    secrets = open_secrets(folder / KEYS)
    cluster = None if settings.database_url else open_cluster(folder)
    with Database(_app_role(settings, cluster, folder / KEYS), secrets.token, size=size) as database:
        yield Installation(settings, folder, database, secrets, cluster)


def _start(cluster: Cluster, ours: Path, progress: Progress) -> None:
    if not cluster.running():
        ours.touch()
    cluster.start(progress=progress)


def _roles(settings: Settings, cluster: Cluster | None, keys: Path) -> Roles:
    if cluster is not None:
        return bootstrap(cluster.superuser(), DATABASE_NAME, keys)
    url, owner = settings.database_url, settings.database_owner_url
    return bootstrap_url(url.get_secret_value() if url else "", owner.get_secret_value() if owner else None, keys)


def _app_role(settings: Settings, cluster: Cluster | None, keys: Path) -> dict[str, Any]:
    if cluster is None:
        return _roles(settings, cluster, keys).app
    return {**cluster.dsn(APP, DATABASE_NAME), "password": kept_password(keys, "app")}
