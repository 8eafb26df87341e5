"""Events: what happened. The gate, the log, quarantine and replay, the programme clock, positions of readers."""

from keyuan.events.clock import (
    clock_at,
    follow_clock,
    keep_clock_by_hand,
    move_clock,
    read_clock,
    renew_clock,
    run_clock,
    stop_clock,
)
from keyuan.events.intake import Gate
from keyuan.events.log import append
from keyuan.events.model import (
    Candidate,
    Event,
    LoggedEvent,
    Order,
    OrderLine,
    Policy,
    Receipt,
    imported,
    live,
    read_order,
)
from keyuan.events.names import names_of
from keyuan.events.progress import Progress, note_progress, progress
from keyuan.events.quarantine import RefusedBy, drop, open_counts, quarantined, refuse_logged
from keyuan.events.readers import Claim, advance, claim, is_waiting, lock_position, notice, position, take_notices
from keyuan.events.reads import (
    count_kinds,
    follow,
    last_seq,
    order_totals,
    orders_at,
    read_after,
    read_seqs,
    senders_before,
    seqs_of,
)
from keyuan.events.replay import requeue, take_refused
from keyuan.events.senders import forget, forgotten, open_rests
from keyuan.events.sources import Source, make_source, revoke_source, source_of_key, tenant_of_key

__all__ = [
    "Candidate",
    "Claim",
    "Event",
    "Gate",
    "LoggedEvent",
    "Order",
    "OrderLine",
    "Policy",
    "Progress",
    "Receipt",
    "RefusedBy",
    "Source",
    "advance",
    "append",
    "claim",
    "clock_at",
    "count_kinds",
    "drop",
    "follow",
    "follow_clock",
    "forget",
    "forgotten",
    "imported",
    "is_waiting",
    "keep_clock_by_hand",
    "last_seq",
    "live",
    "lock_position",
    "make_source",
    "move_clock",
    "names_of",
    "note_progress",
    "notice",
    "open_counts",
    "open_rests",
    "order_totals",
    "orders_at",
    "position",
    "progress",
    "quarantined",
    "read_after",
    "read_clock",
    "read_order",
    "read_seqs",
    "refuse_logged",
    "renew_clock",
    "requeue",
    "revoke_source",
    "run_clock",
    "senders_before",
    "seqs_of",
    "source_of_key",
    "stop_clock",
    "take_notices",
    "take_refused",
    "tenant_of_key",
]
