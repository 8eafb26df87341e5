"""A little shop for tests: customers with consents, orders through the gate, the consumer run by hand."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from keyuan import events, loyalty, segments
from keyuan.app.demo import story
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.flows.consume import Consumer
from keyuan.flows.places import CONSUMERS
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import to_us
from keyuan.profiles import store as portraits

OPENED = datetime(2017, 1, 1, tzinfo=UTC)
CLOSED = datetime(2030, 1, 1, tzinfo=UTC)


def instant(text: str) -> datetime:
    """Return the UTC instant that a short text names."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Shop:
    """One tenant with the demo's programme and segments, its clock kept by hand."""

    database: Database
    secrets: Secrets
    tenant: int = 1
    number: int = field(default=0, init=False)

    def open(self, extra: Iterable[segments.Segment] = ()) -> "Shop":
        """Set the programme, the segments and the clock."""
        with self.database.transaction(self.tenant) as session:
            events.keep_clock_by_hand(session, OPENED)
            loyalty.create_programme(session, story.PROGRAMME)
            segments.save(session, [*story.SEGMENTS, *extra])
        return self

    def person(self, name: str) -> UUID:
        """Return the person behind a userId."""
        sender = self.secrets.sender(self.tenant, "user", name)
        with self.database.transaction(self.tenant) as session:
            return portraits.resolve(session, [sender])[sender]

    def agree(self, name: str, *purposes: Purpose, at: datetime = OPENED, given: bool = True) -> None:
        """Record what a customer said."""
        person = self.person(name)
        records = [
            Record(
                person=person,
                purpose=purpose,
                decision=Decision.GIVEN if given else Decision.WITHDRAWN,
                effective_at_us=to_us(at),
                evidence="test form 1",
            )
            for purpose in purposes
        ]
        with self.database.transaction(self.tenant) as session:
            record_consent(session, records)

    def send(self, *bodies: dict[str, Any], source: str = "till") -> events.Receipt:
        """Bring events in through the gate, as an import does."""
        gate = events.Gate(source=source)
        now = datetime.now(UTC)
        candidates = [gate.check(json.dumps(body).encode(), now) for body in bodies]
        with self.database.transaction(self.tenant) as session:
            return events.append(session, self.secrets, candidates, events.imported(now, CLOSED))

    def order(
        self, name: str, at: str, total: str = "10.00", *, order_id: str | None = None, category: str | None = None
    ) -> dict[str, Any]:
        """Return one order of one line."""
        self.number += 1
        return {
            "type": "track",
            "event": "Order Completed",
            "userId": name,
            "messageId": f"m{self.number}",
            "timestamp": at,
            "properties": {
                "order_id": order_id or f"o{self.number}",
                "currency": "USD",
                "total": total,
                "products": [{"product_id": "p", "quantity": 1, "total": total, "category": category}],
            },
        }

    def run(self) -> int:
        """Let the consumers take in all there is, one after the other, and return how many events that were."""
        return max(self.follow(name) for name in CONSUMERS)

    def follow(self, name: str) -> int:
        """Let one consumer take in all there is, and return how many events that were."""
        consumer = Consumer(self.database, self.secrets, self.tenant, name)
        taken = 0
        while count := consumer.step():
            taken += count
        return taken


def open_shop(database: Database, keys: Path, tenant: int = 1) -> Shop:
    """Return an opened shop whose keys are in a folder."""
    return Shop(database, open_secrets(keys), tenant).open()
