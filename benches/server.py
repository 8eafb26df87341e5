"""The embedded PostgreSQL that a bench has for itself, with the tables of the product and one tenant in it.

with Server("proofs") as server:
    with server.database.transaction(TENANT) as session: ...
"""

import secrets
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg

from keyuan.engines.database import Database
from keyuan.engines.database.bootstrap import Roles, bootstrap
from keyuan.engines.database.embedded import open_cluster, remove
from keyuan.engines.database.migrate import add_tenant, migrate

TENANT = 1


class Server:
    """An embedded cluster of its own with a migrated database, removed afterwards."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="keyuan-bench-")
        self.data = Path(self._folder.name) / "data"
        self.cluster = open_cluster(self.data)

    def __enter__(self) -> Self:
        self.cluster.start(progress=self.tell)
        self.roles: Roles = bootstrap(self.cluster.superuser(), "bench", self.data / "bench-keys")
        self.token_key = secrets.token_bytes(32)
        migrate(self.roles.owner, self.token_key)
        add_tenant(self.roles.owner, TENANT, "Bench")
        self.database = Database(self.roles.app, self.token_key, size=8)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()
        self.cluster.stop()
        remove(self.data)
        self._folder.cleanup()

    def tell(self, text: str) -> None:
        """Say on standard error how far we are."""
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def checkpoint(self) -> None:
        """Write everything out."""
        self.as_superuser("CHECKPOINT")

    def as_superuser(self, statement: LiteralString) -> None:
        """Run a statement that the product's roles may not."""
        facts: dict[str, Any] = self.cluster.superuser()
        with psycopg.connect(**facts, autocommit=True) as connection:
            connection.execute(statement)
