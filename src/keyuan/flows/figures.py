"""The figures of a tenant as of an instant, every one computed from the database."""

from datetime import datetime
from typing import Any

from keyuan import consent, events, ledger, segments
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.profiles import reads as profiles


def figures(session: Session, as_of: datetime) -> dict[str, Any]:
    """Return people, orders, consents, points and segment sizes as of an instant.

    People are those from whom an event came before `as_of`; orders are those before it, entries those up to and with
    it.
    """
    sales = events.order_totals(session, as_of)
    points = ledger.totals(session, as_of)
    return {
        "as_of": as_of.isoformat().replace("+00:00", "Z"),
        "people": profiles.count_people(session, events.senders_before(session, as_of)),
        "orders": sales.orders,
        "lines": sales.lines,
        "sales_minor": sales.total_minor,
        "personalised": len(consent.people_in_force(session, Purpose.PERSONALISATION, as_of)),
        "members": len(consent.people_in_force(session, Purpose.LOYALTY, as_of)),
        "points_issued": points.points_issued,
        "points_redeemed": points.points_redeemed,
        "points_expired": points.points_expired,
        "points_owed": points.points_owed,
        "awards": points.awards,
        "segments": segments.sizes(session, as_of),
        "segment_rules": {segment.name: segment.rule for segment in segments.segments(session)},
        "quarantined": sum(events.open_counts(session).values()),
    }
