"""What good events become: a kind, plain fields, and a rest that will be sealed."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyuan.events.intake import Gate, parse_plan
from keyuan.events.intake.check import _MEMBER_OF
from keyuan.events.intake.envelope import _member_by_member, read_envelope
from keyuan.events.intake.peek import peek
from keyuan.events.model import Order, OrderLine, PlanError, Reason, Refusal, read_order
from unit.events.gate import accepted, clear, event, order, rest


def test_senders_and_message_id_are_kept_apart_from_the_content():
    draft = accepted(event(anonymousId="a1"))
    assert (draft.user_id, draft.anonymous_id, draft.message_id) == ("u1", "a1", "m1")
    assert (clear(draft), rest(draft)) == ({}, None)


def test_null_members_are_as_good_as_absent():
    draft = accepted(event(anonymousId=None, messageId=None, properties=None, context=None, integrations={}))
    assert (draft.anonymous_id, draft.message_id, draft.rest) == (None, None, None)


@pytest.mark.parametrize(
    "text", ["2026-05-01T10:00:00Z", "2026-05-01T10:00:00", "2026-05-01 10:00", "2026-05-01T12:00:00.000+02:00"]
)
def test_a_time_without_a_zone_is_utc(text: str):
    expected = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert accepted(event(timestamp=text)).at == expected
    assert accepted(event(timestamp=None, originalTimestamp=text)).at == expected


def test_without_a_time_it_is_the_time_of_receipt():
    assert accepted(event(timestamp=..., sentAt="no time at all")).at is None


def test_an_event_that_the_plan_does_not_name_keeps_nothing_in_clear():
    draft = accepted(event(event="Wrote to ann@example.org", properties={"version": 1}))
    assert (draft.kind, draft.name, clear(draft)) == ("track", None, {})
    assert rest(draft) == {"event": "Wrote to ann@example.org", "properties": {"version": 1}}


def test_a_named_event_keeps_named_scalars_and_seals_all_else():
    properties = {"version": "1.2", "build": {"no": "scalar"}, "url": "https://example.org/ann"}
    draft = accepted(event(event="Application Opened", properties=properties))
    assert draft.name == "Application Opened"
    assert clear(draft) == {"version": "1.2"}
    assert rest(draft) == {"properties": {"build": {"no": "scalar"}, "url": "https://example.org/ann"}}


def test_a_long_or_odd_text_is_sealed_even_where_plain_is_allowed():
    draft = accepted(event(type="identify", event=..., traits={"age": "x" * 257, "income": "a\tb"}))
    assert (clear(draft), rest(draft)) == ({}, {"traits": {"age": "x" * 257, "income": "a\tb"}})


def test_demographics_stay_in_clear_and_contact_fields_are_sealed():
    traits = {"age": "45-54", "kids_count": None, "name": "Ann", "email": "ann@example.org", "shoe": 38}
    draft = accepted(event(type="identify", event=..., traits=traits))
    assert (draft.kind, draft.name) == ("identify", None)
    assert clear(draft) == {"age": "45-54", "kids_count": None}
    assert rest(draft) == {"traits": {"name": "Ann", "email": "ann@example.org", "shoe": 38}}


def test_context_is_split_by_name_and_is_no_part_of_an_events_identity():
    context = {"library": {"name": "x", "version": "1", "secret": "s"}, "ip": "192.0.2.1"}
    draft = accepted(event(context=context))
    assert clear(draft) == {"context": {"library": {"name": "x", "version": "1"}}}
    assert rest(draft) == {"context": {"library": {"secret": "s"}, "ip": "192.0.2.1"}}
    assert draft.fingerprint == accepted(event()).fingerprint


def test_a_context_of_the_batch_is_for_events_without_their_own():
    gate = Gate(source="till")
    draft = gate.judge(json.dumps(event()).encode(), context=b'{"locale":"zh-CN"}')
    own = gate.judge(json.dumps(event(context={"locale": "en"})).encode(), context=b'{"locale":"zh-CN"}')
    assert getattr(draft, "body", None) == b'{"context":{"locale":"zh-CN"}}'
    assert getattr(own, "body", None) == b'{"context":{"locale":"en"}}'


@pytest.mark.parametrize("kind", ["page", "screen", "group", "alias"])
def test_other_types_are_kept_with_everything_sealed(kind: str):
    whole = event(
        type=kind, event=..., name="Home", category="c", groupId="g", properties={"url": "u"}, traits={"age": "9"}
    )
    draft = accepted(whole)
    assert (draft.kind, draft.name, clear(draft)) == (kind, None, {})
    assert rest(draft) == {
        "name": "Home",
        "category": "c",
        "groupId": "g",
        "properties": {"url": "u"},
        "traits": {"age": "9"},
    }


def test_an_alias_says_who_the_user_was_before():
    draft = accepted(event(type="alias", event=..., previousId="a0"))
    assert (draft.user_id, draft.anonymous_id, draft.rest) == ("u1", "a0", None)


def test_a_fingerprint_is_of_the_content_whatever_its_order_and_the_time_of_sending():
    one = accepted(event(properties={"a": 1, "b": {"c": 2, "d": 3}}, sentAt="2026-05-01T10:00:01Z"))
    two = accepted(b'{"userId":"u1","properties":{"b":{"d":3,"c":2},"a":1},"timestamp":"2026-05-01T10:00:00Z",'
                   b'"receivedAt":"x","messageId":"m1","event":"Signed In","type":"track","writeKey":"k"}')  # fmt: skip
    assert one.fingerprint == two.fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"userId": "u2"},
        {"anonymousId": "a"},
        {"event": "Signed Up"},
        {"timestamp": None},
        {"properties": {"a": 1}},
        {"type": "page"},
    ],
)
def test_other_content_has_another_fingerprint(changes: dict[str, object]):
    assert accepted(event(**changes)).fingerprint != accepted(event()).fingerprint


def test_an_order_is_normalised_to_minor_units():
    line = {"product_id": "p1", "quantity": 2, "total": "7.30", "category": "COFFEE", "brand": "B", "name": "Beans"}
    draft = accepted(
        order(total_minor=..., total=12.5, store_id="s", currency="EUR", products=[line, {"total_minor": 520}])
    )
    assert (draft.kind, draft.name, draft.rest) == ("order", "Order Completed", None)
    assert read_order(draft.body) == Order(
        order_id="o1",
        total_minor=1250,
        currency="EUR",
        store_id="s",
        products=[
            OrderLine(product_id="p1", quantity=2, total_minor=730, category="COFFEE", brand="B", name="Beans"),
            OrderLine(total_minor=520),
        ],
    )


@pytest.mark.parametrize(
    ("changes", "minor"),
    [
        ({"total_minor": 5, "total": 7, "revenue": 9}, 5),
        ({"total_minor": None, "total": 7, "revenue": 9}, 700),
        ({"total_minor": ..., "revenue": 9}, 900),
        ({"total_minor": ..., "total": "12.50"}, 1250),
        ({"total_minor": ..., "total": 0.1}, 10),
        ({"total_minor": ..., "total": 4.35}, 435),
        ({"total_minor": ..., "total": 1e2}, 10000),
        ({"total_minor": ..., "total": 500, "currency": "JPY"}, 500),
        ({"total_minor": ..., "total": "1.234", "currency": "KWD"}, 1234),
        ({"total_minor": 0}, 0),
    ],
)
def test_total_minor_wins_then_total_then_revenue(changes: dict[str, object], minor: int):
    assert read_order(accepted(order(**changes)).body).total_minor == minor


def test_the_currency_of_the_source_is_used_when_an_order_names_none():
    draft = accepted(order(total_minor=..., total=500), Gate(source="till", currency="JPY"))
    assert (read_order(draft.body).currency, read_order(draft.body).total_minor) == ("JPY", 500)


def test_the_amount_of_a_line_is_never_price_times_quantity():
    draft = accepted(order(products=[{"product_id": "p", "price": 2.5, "quantity": 3}]))
    assert list(read_order(draft.body).products) == [OrderLine(product_id="p", quantity=3)]
    assert rest(draft) == {"properties": {"products": [{"price": 2.5}]}}


def test_parts_of_a_discount_are_summed_when_only_they_are_given():
    parts = {"retail_discount_minor": 20, "coupon_discount_minor": 5}
    lines = read_order(accepted(order(products=[parts, parts | {"discount_minor": 30}, {}])).body).products
    assert [line.discount_minor for line in lines] == [25, 30, None]


def test_a_weight_is_no_whole_quantity_and_stays_sealed():
    draft = accepted(order(products=[{"quantity": 1.5}, {"quantity": 2.0}]))
    assert [line.quantity for line in read_order(draft.body).products] == [None, 2]
    assert rest(draft) == {"properties": {"products": [{"quantity": 1.5}, {}]}}


def test_ids_may_be_written_as_whole_numbers():
    body = read_order(accepted(order(order_id=31198570044, store_id=330, products=[{"product_id": 25671}])).body)
    assert (body.order_id, body.store_id, body.products[0].product_id) == ("31198570044", "330", "25671")


_texts = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
).filter(str.strip)
_lines = st.fixed_dictionaries(
    {},
    optional={
        "product_id": _texts,
        "quantity": st.integers(0, 10**6),
        "total_minor": st.integers(0, 10**9),
        "discount_minor": st.integers(0, 10**9),
        "retail_discount_minor": st.integers(0, 10**9),
        "category": _texts,
        "brand": _texts,
    },
)


@given(st.lists(_lines, max_size=5))
def test_lines_read_strictly_and_loosely_are_the_same(lines: list[dict[str, object]]):
    strict = accepted(order(products=lines))
    typed = accepted(order(products=[*lines, {"unknown": 1}]))
    loose = accepted(order(products=[*lines, {"name": "with an escape: \\"}]))
    for other in (typed, loose):
        assert list(read_order(other.body).products)[: len(lines)] == list(read_order(strict.body).products)


@given(
    st.sampled_from(list(_MEMBER_OF)),
    _texts,
    st.none() | _texts,
    st.dictionaries(_texts, st.integers(0, 9), max_size=3),
)
def test_an_envelope_read_strictly_and_member_by_member_is_the_same(
    kind: str, user: str, name: str | None, fields: dict[str, int]
):
    whole = event(type=kind, userId=user, event=name or "e", properties=fields, traits=fields, previousId=name)
    raw = json.dumps(whole, ensure_ascii=False).encode()
    assert read_envelope(raw) == _member_by_member(raw)


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text(max_size=8), st.none() | st.text(max_size=5)).map(lambda v: json.dumps(v).encode())
)
def test_hostile_bytes_never_raise_and_are_refused_with_a_reason(raw: bytes):
    judged = Gate(source="till").judge(raw)
    assert isinstance(judged, Refusal)
    assert judged.reason in Reason
    assert judged.detail
    assert all(value is None or isinstance(value, str) for value in peek(raw))


def test_a_plan_says_everything_that_is_wrong_at_once():
    with pytest.raises(PlanError) as caught:
        parse_plan(
            'version = 2\n[traits]\nplain = ["a", "a", "a.b", "context", "é"]\nsealed = ["a"]\n[events.X]\nkind = "Y"'
        )
    for part in ("version", "traits: a stands twice", "context", "é", "both plain and sealed", "kind"):
        assert part.replace("a stands", "a is reserved, stands") in str(caught.value)


@pytest.mark.parametrize(
    "text", ["version", "version = 1\nother = 2", "version = 1\n[events]\nX = 5", "version = 1\n[traits]\nplain = [5]"]
)
def test_a_plan_of_another_shape_is_refused(text: str):
    with pytest.raises(PlanError):
        parse_plan(text)


def test_an_own_plan_decides_what_is_plain():
    plan = parse_plan('version = 1\n[events."Ride Ended"]\nkind = "ride"\nplain = ["km", "place.city"]')
    draft = accepted(
        event(event="Ride Ended", properties={"km": 7.50, "place": {"city": "Kiel", "door": 5}}),
        Gate(source="t", plan=plan),
    )
    assert (draft.kind, draft.name) == ("ride", "Ride Ended")
    assert clear(draft) == {"km": 7.5, "place": {"city": "Kiel"}}
    assert rest(draft) == {"properties": {"place": {"door": 5}}}
