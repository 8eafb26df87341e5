"""Points expire: lots that are due by the programme clock, each once, whenever and however often the job runs."""

from datetime import datetime

from keyuan import ledger
from keyuan.engines.database import Database


def expire(database: Database, tenant: int, now: datetime) -> int:
    """Release holds whose time is out and expire what is due, one batch; return how many entries that made."""
    with database.transaction(tenant) as session:
        return ledger.release_due(session, now) + ledger.expire_due(session, now)


def expire_all(database: Database, tenant: int, now: datetime) -> int:
    """Expire everything that is due, batch by batch, and return how many entries that made."""
    total = 0
    while made := expire(database, tenant, now):
        total += made
    return total
