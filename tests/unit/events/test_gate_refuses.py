"""Every class of bad event has its reason, and the reason never repeats what was sent."""

import json
import math

import pytest

from keyuan.events.model import EVENT_BYTES_MAX, Refusal
from unit.events.gate import event, judge, order, reason

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"5", b"null", b'"x"', b'{"a":1}}', b'{"userId":"\xff"}', b'{"\xff":1}']
)
def test_what_is_no_json_object_is_malformed(raw: bytes):
    assert reason(raw) in {"malformed", "bad-type"}


def test_nan_and_infinity_are_no_json():
    assert reason(event(properties={"x": math.nan})) == "malformed"
    assert reason(event(properties={"x": math.inf})) == "malformed"


def test_text_that_is_no_unicode_is_malformed():
    assert reason(rb'{"type":"track","event":"x","userId":"u","properties":{"x":"\ud800"}}') == "malformed"
    assert reason(b'{"type":"track","event":"x","userId":"u","context":{"x":"\xff"}}') == "malformed"


def test_an_event_may_have_32_768_bytes_and_not_one_more():
    room = EVENT_BYTES_MAX - len(json.dumps(event(properties={"x": ""})))
    assert not isinstance(judge(event(properties={"x": "y" * room})), Refusal)
    assert reason(event(properties={"x": "y" * (room + 1)})) == "too-large"


@pytest.mark.parametrize("depth", [17, 900, 15_000])
@pytest.mark.parametrize("where", ["properties", "context", "other"])
def test_deep_nesting_is_refused_wherever_it_is(depth: int, where: str):
    deep = b'{"x":' * depth + b"1" + b"}" * depth
    raw = json.dumps(event())[:-1].encode() + f', "{where}": '.encode() + deep + b"}"
    if len(raw) <= EVENT_BYTES_MAX:
        assert reason(raw) == "too-deep"
    else:
        assert reason(raw) == "too-large"


def test_deep_lists_are_refused():
    raw = json.dumps(event())[:-1].encode() + b', "properties": {"x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}"
    assert reason(raw) == "too-deep"


@pytest.mark.parametrize("kind", ["purchase", "", 5, None, ...])
def test_an_unknown_type_is_refused(kind: object):
    assert reason(event(type=kind)) == "bad-type"


def test_an_event_of_nobody_is_refused():
    assert reason(event(userId=...)) == "no-sender"
    assert reason(event(userId=None, anonymousId=None)) == "no-sender"


@pytest.mark.parametrize("name", ["userId", "anonymousId"])
@pytest.mark.parametrize("value", ["", "  ", 7, True, {}, [], "x" * 257])
def test_a_bad_sender_is_refused(name: str, value: object):
    assert reason(event(**{name: value})) == "bad-sender"


@pytest.mark.parametrize("value", ["", 7, "x" * 257, {}])
def test_a_bad_message_id_is_refused(value: object):
    assert reason(event(messageId=value)) == "bad-message-id"


@pytest.mark.parametrize(
    "value", ["yesterday", "", 1_777_000_000, "2026-13-01", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"]
)
@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp"])
def test_a_bad_time_is_refused(name: str, value: object):
    assert reason(event(timestamp=None) | {name: value}) == "bad-time"


@pytest.mark.parametrize("value", [..., None, "", 5, "x" * 257])
def test_a_track_event_needs_a_name(value: object):
    assert reason(event(event=value)) == "no-event-name"


@pytest.mark.parametrize("value", [5, "x", [], True])
def test_properties_traits_and_context_must_be_objects(value: object):
    assert reason(event(properties=value)) == "bad-properties"
    assert reason(event(type="identify", traits=value)) == "bad-properties"
    if value != []:
        assert reason(event(context=value)) == "bad-properties"


@pytest.mark.parametrize("text", ["a\0b", "\0"])
def test_the_nul_character_is_refused_anywhere(text: str):
    assert reason(event(userId=text)) == "control-characters"
    assert reason(event(properties={"x": {"y": text}})) == "control-characters"
    assert reason(order(products=[{"category": text}])) == "control-characters"


@pytest.mark.parametrize("text", ["a\nb", "a\x07b", "a\x7fb", "a\x85b"])
def test_names_must_not_hold_control_characters(text: str):
    assert reason(event(userId=text)) == "control-characters"
    assert reason(event(messageId=text)) == "control-characters"
    assert reason(event(event=text)) == "control-characters"
    assert reason(order(order_id=text)) == "control-characters"
    assert reason(order(products=[{"product_id": text}])) == "control-characters"


@pytest.mark.parametrize("number", [b"9223372036854775808", b"-9223372036854775809", b"1" + b"0" * 100])
@pytest.mark.parametrize("name", [b"version", b"unknown"])
def test_whole_numbers_must_fit_64_bits(number: bytes, name: bytes):
    raw = json.dumps(event(event="Application Opened"))[:-1].encode()
    assert reason(raw + b', "properties": {"' + name + b'": ' + number + b"}}") == "bad-number"


@pytest.mark.parametrize("name", [b"version", b"unknown"])
def test_fractions_must_fit_a_double(name: bytes):
    raw = json.dumps(event(event="Application Opened"))[:-1].encode()
    assert reason(raw + b', "properties": {"' + name + b'": 1e400}}') == "bad-number"


@pytest.mark.parametrize("value", [..., None, "", {}, 1.5, "x" * 129])
def test_an_order_needs_an_id(value: object):
    assert reason(order(order_id=value)) == "bad-order"


def test_an_order_needs_an_amount():
    assert reason(order(total_minor=...)) == "bad-amount"
    assert reason(order(total_minor=None, total=None, revenue=None)) == "bad-amount"


@pytest.mark.parametrize("value", [12.5, "1250", 2**53, True, [], "x", 10**30])
def test_a_bad_total_minor_is_refused_even_if_there_is_a_total(value: object):
    assert reason(order(total_minor=value, total=5)) == "bad-amount"


@pytest.mark.parametrize("name", ["total", "revenue"])
@pytest.mark.parametrize(
    "value", ["", "x", "NaN", "Infinity", "1,250.00", "12.505", 12.505, "0x1f", "٣", True, [], {}, "1e400"]
)
def test_an_amount_that_is_not_exact_is_refused(name: str, value: object):
    assert reason(order(total_minor=...) | {"properties": {"order_id": "o", name: value}}) == "bad-amount"


def test_an_amount_of_1e400_is_refused():
    raw = json.dumps(order(total_minor=..., total=0)).replace('"total": 0', '"total": 1e400').encode()
    assert reason(raw) == "bad-amount"


@pytest.mark.parametrize(
    "changes", [{"total_minor": -1}, {"total_minor": ..., "total": -0.01}, {"total_minor": ..., "revenue": "-5"}]
)
def test_a_negative_amount_is_refused(changes: dict[str, object]):
    assert reason(order(**changes)) == "negative-amount"


@pytest.mark.parametrize("name", ["total_minor", "total", "discount_minor", "retail_discount_minor"])
def test_a_negative_amount_of_a_line_is_refused(name: str):
    assert reason(order(products=[{"total_minor": 1}, {"product_id": "p", name: -1}])) == "negative-amount"


@pytest.mark.parametrize("value", ["usd", "US", "USDX", "€", 5, "", {}])
def test_a_bad_currency_is_refused(value: object):
    assert reason(order(currency=value)) == "bad-currency"


def test_a_yen_has_no_cents():
    assert reason(order(total_minor=..., total=12.5, currency="JPY")) == "bad-amount"


@pytest.mark.parametrize(
    "value", [5, "x", {}, [5], [[]], ["x"], [None], [{"product_id": {}}], [{"quantity": "2"}], [{"quantity": -1}]]
)
def test_bad_lines_are_refused(value: object):
    assert reason(order(products=value)) == "bad-line"


def test_an_order_may_have_500_lines_and_not_one_more():
    assert not isinstance(judge(order(products=[{}] * 500)), Refusal)
    assert reason(order(products=[{}] * 501)) == "too-many-lines"
    assert reason(order(products=[{"sku": 1}] * 501)) == "too-many-lines"


@pytest.mark.parametrize(
    "bad",
    [
        event(userId=CANARY * 40),
        event(timestamp=CANARY),
        event(type=CANARY),
        event(properties=CANARY),
        event(messageId=[CANARY]),
        order(order_id=CANARY * 40),
        order(total_minor=CANARY),
        order(total_minor=..., total=CANARY),
        order(currency=CANARY),
        order(products=CANARY),
        order(products=[{"quantity": CANARY}]),
        CANARY,
        (CANARY + "{").encode(),
    ],
)
def test_a_reason_never_repeats_what_was_sent(bad: object):
    refusal = judge(bad)
    assert isinstance(refusal, Refusal)
    assert CANARY not in refusal.detail
