"""Time alone changes traits: people whose window edge is due are looked at again, and regrouped."""

from datetime import datetime

from keyuan import events
from keyuan.engines.database import Database
from keyuan.flows.group import group
from keyuan.flows.places import PORTRAITS
from keyuan.profiles import store as portraits

BATCH_MAX = 2_000


def reevaluate_due(database: Database, tenant: int, now: datetime) -> int:
    """Look at one batch of people whose traits time has changed, and return how many there were."""
    with database.transaction(tenant) as session:
        events.lock_position(session, PORTRAITS)
        people = portraits.due(session, now, BATCH_MAX)
        if people:
            group(session, portraits.refresh(session, now, people))
    return len(people)


def reevaluate_all(database: Database, tenant: int, as_of: datetime) -> None:
    """Bring every portrait to one instant, and every segment with it."""
    with database.transaction(tenant) as session:
        events.lock_position(session, PORTRAITS)
        group(session, portraits.refresh(session, as_of))
