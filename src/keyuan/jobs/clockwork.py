"""Jobs that are due by a tenant's programme clock. Each is idempotent and works in batches of its own transactions.

A clock that is kept by hand and stands still starts nothing: then somebody else (an import, the demo) decides when.
"""

from datetime import datetime

from keyuan import events
from keyuan.engines.database import Database
from keyuan.flows.expire import expire
from keyuan.flows.reevaluate import reevaluate_due


def run_due(database: Database, tenant: int, system_now: datetime) -> int:
    """Run one batch of each job that is due, and return how much was done; after 0 nothing is due any more."""
    with database.transaction(tenant) as session:
        clock = events.renew_clock(session, system_now)
    if clock.by_hand and clock.running_since is None:
        return 0
    now = clock.now(system_now)
    return expire(database, tenant, now) + reevaluate_due(database, tenant, now)
