"""What `keyuan doctor` looks at: keys, PostgreSQL and its settings, roles, row-level security, quarantine, mail."""

import stat
from collections.abc import Callable
from typing import Any

from keyuan import events
from keyuan.anchor import reads
from keyuan.app.chains import KEPT_BY, reading
from keyuan.app.installation import KEYS, Installation, opened
from keyuan.app.mailing import OFF, SINK, open_channel
from keyuan.app.sinking import FOLDER as LETTERS
from keyuan.app.use import is_served
from keyuan.engines.chain import ChainAnswerError, ChainUnreachableError, WrongChainError
from keyuan.engines.database import Session
from keyuan.engines.database.embedded import superuser_commands
from keyuan.engines.mail import ChannelRefusedError, ChannelUnreachableError, SenderAddressError
from keyuan.kernel.config import Settings

_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
_UNPROTECTED = """
SELECT n.nspname || '.' || c.relname
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
   AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
   AND n.nspname || '.' || c.relname <> ALL(ARRAY['sec.migration', 'sec.key', 'sec.tenant_list'])
"""

_OLDEST = 150_000

Check = Callable[[Installation, Session], tuple[bool, str]]


def checkup(settings: Settings) -> dict[str, Any]:
    """Return all checks with their result, and the commands that reach the embedded PostgreSQL."""
    served = is_served(settings.data_dir.resolve()) if settings.data_dir.exists() else False
    with opened(settings) as installation:
        with installation.database.transaction(installation.tenant) as session:
            checks = [_named(name, check(installation, session)) for name, check in _CHECKS.items()]
        cluster = installation.cluster
        commands = superuser_commands(cluster) if cluster is not None else {}
    return {
        "ok": all(check["ok"] for check in checks),
        "data": str(installation.folder),
        "served": served,
        "checks": checks,
        "postgres": commands,
    }


def _named(name: str, result: tuple[bool, str]) -> dict[str, Any]:
    ok, says = result
    return {"name": name, "ok": ok, "says": says}


def _keys(installation: Installation, _session: Session) -> tuple[bool, str]:
    folder = installation.folder / KEYS
    private = all(not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (folder, *folder.iterdir()))
    beside = " (embedded: the keys are beside the data; back them up apart)" if installation.cluster else ""
    return private, f"{folder}{beside}" if private else f"other users may read keys: chmod -R go= {folder}"


def _durable(_installation: Installation, session: Session) -> tuple[bool, str]:
    rows = session.rows(
        "SELECT s.name, s.setting FROM pg_settings AS s WHERE s.name = ANY(%(names)s)", names=list(_DURABLE)
    )
    off = sorted(name for name, setting in rows if setting == "off")
    return not off, "acknowledged means on disk" if not off else f"switched off: {', '.join(off)}; switch them on"


def _role(_installation: Installation, session: Session) -> tuple[bool, str]:
    row = session.row(
        "SELECT current_user, r.rolsuper OR r.rolbypassrls FROM pg_roles AS r WHERE r.rolname = current_user"
    )
    safe = row is not None and not row[1]
    return safe, "the app role is bound by row-level security" if safe else "the app role passes by row-level security"


def _fences(_installation: Installation, session: Session) -> tuple[bool, str]:
    open_tables = sorted(row[0] for row in session.rows(_UNPROTECTED))
    return not open_tables, "forced on every table" if not open_tables else f"not forced on {', '.join(open_tables)}"


def _version(_installation: Installation, session: Session) -> tuple[bool, str]:
    row = session.row("SELECT current_setting('server_version_num')::int")
    number = row[0] if row else 0
    return number >= _OLDEST, f"version {number // 10_000}.{number % 10_000}"


def _quarantine(_installation: Installation, session: Session) -> tuple[bool, str]:
    counts = events.open_counts(session)
    words = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    return True, f"{words}: look at them, then `keyuan replay`" if counts else "empty"


def _chain(installation: Installation, session: Session) -> tuple[bool, str]:
    if installation.settings.chain == "off":
        return True, "switched off: nothing is anchored"
    progress = reads.progress(session)
    if progress.alarm is not None:
        return False, f"anchoring has stopped, the ledger goes on: {progress.alarm}"
    try:
        with reading(installation.settings, installation.folder) as chain:
            number = None if chain is None else chain.block_number()
    except (ChainUnreachableError, ChainAnswerError, WrongChainError) as error:
        return False, f"{error}; epochs wait in line until it answers"
    if number is None:
        return True, "not made yet"
    return True, f"{progress.anchored} of {progress.epochs} epochs anchored; {KEPT_BY[installation.settings.chain]}"


def _mail(installation: Installation, _session: Session) -> tuple[bool, str]:
    smtp = installation.settings.smtp
    if smtp == OFF:
        return True, "switched off: letters wait"
    if smtp == SINK:
        return True, f"letters go to a sink, which keeps them in {installation.folder / LETTERS} and delivers nothing"
    try:
        channel = open_channel(installation.settings, 0)
        channel.open()
        channel.close()
    except (ChannelUnreachableError, ChannelRefusedError, SenderAddressError) as error:
        return False, f"{smtp}: {error}"
    return True, f"{smtp} takes our letters"


_CHECKS: dict[str, Check] = {
    "PostgreSQL": _version,
    "durability": _durable,
    "app role": _role,
    "row-level security": _fences,
    "keys": _keys,
    "quarantine": _quarantine,
    "chain": _chain,
    "mail": _mail,
}
