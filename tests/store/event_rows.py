"""What the store tests of the events room share: events to send, and a way to send them."""

import json
from datetime import UTC, datetime

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.events import Gate, append, live
from keyuan.events.model import Receipt

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GATE = Gate(source="till")


def order(number: int, **changes: object) -> bytes:
    """Return an order of one of seven households."""
    event: dict[str, object] = {
        "type": "track",
        "event": "Order Completed",
        "userId": f"household:{number % 7}",
        "messageId": f"order:{number}",
        "timestamp": "2026-05-01T10:00:00Z",
        "properties": {"order_id": str(number), "total": 12.5, "products": [{"product_id": "p", "total_minor": 1250}]},
    }
    return json.dumps(event | changes).encode()


def send(database: Database, secrets: Secrets, *raws: bytes, tenant: int = 1) -> Receipt:
    """Append raw events in a transaction of their own."""
    with database.transaction(tenant) as session:
        return append(session, secrets, GATE.check_all(raws, NOW), live(NOW))
