"""Only Keyuan itself tells what happens on a date: from everywhere else it is refused, with its reason."""

import json
from datetime import UTC, datetime

import pytest

from keyuan.events import calendar
from keyuan.events.calendar import Date, Due, monthly, read_due
from keyuan.events.intake import Gate, parse_plan
from keyuan.events.mapping import CALENDAR_RANK, Made, MappingError, dates_of, merged, parse_mapping
from keyuan.events.model import CALENDAR, PlanError, Refusal
from keyuan.kernel.clock import to_us
from unit.events.gate import GATE, accepted, event, judge

OURS = Gate(source=calendar.SOURCE)
FIRST = datetime(2017, 2, 1, tzinfo=UTC)
VOUCHER = Due(programme="market", points=1_000, made_up=True)
TOLD = json.loads(Date(FIRST, VOUCHER).body)
MAPPING = """
name = "{name}"
[[source]]
file = "visits"
kind = "identify"
user_id = "{{who}}"
message_id = "{{who}}"
time = {{ column = "at" }}
"""


def refused(whole: object, gate: Gate = GATE) -> Refusal:
    refusal = judge(whole, gate)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def test_a_date_of_our_own_is_of_nobody_and_says_what_is_due():
    draft = accepted(TOLD, OURS)
    assert (draft.kind, draft.at, draft.user_id, draft.anonymous_id, draft.rest) == (CALENDAR, FIRST, None, None, None)
    assert draft.message_id == "redeem:market:2017-02-01T00:00:00Z"
    assert read_due(draft.body) == VOUCHER
    assert json.loads(draft.body)["made_up"] is True


@pytest.mark.parametrize("changes", [{}, {"userId": "u1"}, {"userId": "u1", "properties": {}}])
def test_nobody_else_tells_what_happens_on_a_date(changes: dict[str, object]):
    told = refused(TOLD | changes)
    assert (told.reason.value, told.detail) == ("bad-type", "What happens on a date is for Keyuan alone to tell.")


def test_a_request_of_another_type_does_not_let_it_in():
    raw = json.dumps(TOLD | {"userId": "u1"}).encode()
    for event_type in ("track", "identify", CALENDAR):
        assert isinstance(GATE.judge(raw, event_type), Refusal)
    assert isinstance(GATE.judge(json.dumps(event(type=...)).encode(), CALENDAR), Refusal)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "track", "event": "Order Completed", "userId": "u1"}, "bad-type"),
        ({"timestamp": None}, "bad-time"),
        ({"properties": None}, "bad-properties"),
        ({"properties": {}}, "bad-properties"),
        ({"properties": TOLD["properties"] | {"points": 0}}, "bad-properties"),
        ({"properties": TOLD["properties"] | {"points": 10.5}}, "bad-properties"),
        ({"properties": TOLD["properties"] | {"due": "award"}}, "bad-properties"),
        ({"properties": TOLD["properties"] | {"person": "u1"}}, "bad-properties"),
    ],
)
def test_our_own_source_tells_nothing_but_dates_and_those_whole(changes: dict[str, object], reason: str):
    assert refused(TOLD | changes, OURS).reason.value == reason


def test_a_date_with_other_points_is_the_same_message_with_other_content():
    fewer = Due(programme="market", points=5, made_up=True)
    one, other = (accepted(Date(FIRST, each).body, OURS) for each in (VOUCHER, fewer))
    assert one.message_id == other.message_id
    assert one.fingerprint != other.fingerprint


def test_no_tracking_plan_gives_an_event_that_kind():
    with pytest.raises(PlanError, match="calendar"):
        parse_plan('version = 1\n[events."First Of Month"]\nkind = "calendar"')


def test_no_import_has_that_name():
    assert parse_mapping(MAPPING.format(name="calendars")).name == "calendars"
    with pytest.raises(MappingError, match="Keyuan's own"):
        parse_mapping(MAPPING.format(name=calendar.SOURCE))


def test_no_mapping_file_holds_dates():
    with pytest.raises(MappingError, match="dates"):
        parse_mapping("dates = []\n" + MAPPING.format(name="visits"))


def test_the_firsts_of_months_pass_from_year_to_year():
    november, february = datetime(2017, 11, 1, tzinfo=UTC), datetime(2018, 2, 1, tzinfo=UTC)
    assert [(date.at.year, date.at.month, date.at.day) for date in monthly(VOUCHER, november, february)] == [
        (2017, 11, 1), (2017, 12, 1), (2018, 1, 1), (2018, 2, 1),
    ]  # fmt: skip


def test_a_date_stands_after_all_before_its_instant_and_before_all_at_it():
    at = to_us(FIRST)
    people = [Made(at, 0, 0, b"", None)]
    orders = [Made(at - 1, 3, 0, b"", None), Made(at, 3, 1, b"", None), Made(at + 1, 3, 2, b"", None)]
    rejected = [Made(at, -2, 0, b"", None)]
    found = list(merged([rejected, people, orders, dates_of([Date(FIRST, VOUCHER)])]))
    assert [(made.time_us - at, made.rank) for made in found] == [
        (-1, 3), (0, CALENDAR_RANK), (0, -2), (0, 0), (0, 3), (1, 3),
    ]  # fmt: skip
