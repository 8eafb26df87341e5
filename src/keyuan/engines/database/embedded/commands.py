"""Commands for a terminal that start the embedded PostgreSQL, open psql as its superuser, and stop it.

They work when pasted by whoever owns the data folder (root, or the user), while nothing of Keyuan runs.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from keyuan.engines.database.embedded.cluster import SUPERUSER, Cluster
from keyuan.engines.database.embedded.passwords import keep
from keyuan.engines.database.embedded.shelf import programs_of


def superuser_commands(cluster: Cluster, database: str = "keyuan") -> dict[str, str]:
    """Shell lines by name: `start`, `psql` (arguments may follow, for instance `-c 'SELECT …'`) and `stop`.

    psql reads the password from a private file, so it is in no argument and no history.
    """
    layout = cluster.layout
    facts = cluster.dsn(SUPERUSER, database)
    psql = [str(programs_of(layout) / "psql"), "-h", facts["host"], "-p", facts["port"], "-U", SUPERUSER, database]
    return {
        "start": _ours("start", layout.data_dir),
        "psql": f"PGPASSFILE={shlex.quote(str(_password_list(cluster)))} {_line(psql)}",
        "stop": _ours("stop", layout.data_dir),
    }


def _password_list(cluster: Cluster) -> Path:
    """The superuser's password as libpq reads it from a file."""
    path = cluster.layout.keys / f"{SUPERUSER}.pgpass"
    line = f"*:*:*:{SUPERUSER}:{cluster.password()}"
    if path.exists() and path.read_text(encoding="ascii").strip() != line:
        path.unlink()
    if not path.exists():
        keep(path, line)
    return path


def _ours(verb: str, data_dir: Path) -> str:
    return _line([sys.executable, "-m", __package__, verb, str(data_dir)])


def _line(words: Sequence[object]) -> str:
    return shlex.join(str(word) for word in words)
