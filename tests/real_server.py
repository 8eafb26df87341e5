"""What tests know of the one embedded server of a run."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Server:
    """One running cluster with a migrated template database: connection keywords of each role."""

    superuser: dict[str, Any]
    owner: dict[str, Any]
    app: dict[str, Any]
    token_key: bytes
