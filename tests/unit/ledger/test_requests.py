"""What can be asked at all, and what an answer says."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from keyuan.kernel.errors import ConflictError, InputError, RefusedError
from keyuan.ledger import Answer, Expire, LedgerInputError, Outcome
from unit.ledger.samples import T0, award, capture, fund, hold, key, redeem, release, reserve, spend, void


@pytest.mark.parametrize(
    "facts",
    [
        {"key": b"short"}, {"key": "x" * 32}, {"holder": 0}, {"holder": True}, {"holder": 2**63}, {"brand": ""},
        {"brand": "x" * 101}, {"currency": "a\0b"}, {"points": -1}, {"points": 1.0}, {"points": 10**12 + 1},
        {"at": datetime(2017, 1, 1)}, {"at": datetime(1999, 1, 1, tzinfo=UTC)}, {"expires_at": T0},  # noqa: DTZ001  # meant
        {"at": datetime(2017, 1, 1, tzinfo=timezone(timedelta(hours=8)))}, {"rule": ""}, {"rule_version": -1},
        {"base_minor": 0.5}, {"extra_minor": 10**15 + 1}, {"reference": b""}, {"day": T0.date()}, {"day_points": 10},
        {"day": T0, "day_points": 10}, {"day": T0.date(), "day_points": 9},
    ],
)  # fmt: skip
def test_a_malformed_award_is_refused_before_it_is_one(facts: dict[str, Any]):
    with pytest.raises(LedgerInputError):
        award("a", **facts)


def test_points_of_other_requests_must_be_positive():
    for make in (redeem, hold):
        with pytest.raises(LedgerInputError):
            make("x", 0)
    with pytest.raises(LedgerInputError):
        capture("c", "h", 0)
    with pytest.raises(LedgerInputError):
        hold("h", 1, expires_at=T0)
    with pytest.raises(InputError):
        void("v", "h", hold=b"")
    with pytest.raises(InputError):
        Expire(key=key("e"), lot=0, expired=0, at=T0)


@pytest.mark.parametrize(
    "facts",
    [
        {"minor": 0}, {"minor": -1}, {"minor": 1.0}, {"minor": True}, {"minor": 10**15 + 1}, {"campaign": 0},
        {"campaign": 2**63}, {"campaign": "7"}, {"currency": "points"}, {"currency": "usd"}, {"currency": ""},
        {"currency": 840}, {"brand": ""}, {"key": b"short"}, {"reference": b""}, {"at": datetime(2017, 1, 1)},  # noqa: DTZ001  # meant
    ],
)  # fmt: skip
def test_a_budget_moves_whole_minor_units_of_a_campaigns_money(facts: dict[str, Any]):
    for make in (fund, reserve, spend, release):
        with pytest.raises(LedgerInputError):
            make("x", **facts)


def test_an_outcome_knows_its_error():
    def error(answer: Answer) -> object:
        return Outcome(key("k"), answer, None, 0, repeated=False).error()

    assert error(Answer.POSTED) is None
    assert error(Answer.NOTHING) is None
    assert isinstance(error(Answer.CONFLICT), ConflictError)
    for answer in set(Answer) - {Answer.POSTED, Answer.NOTHING, Answer.CONFLICT}:
        assert isinstance(error(answer), RefusedError)
        assert answer.name.lower().replace("_", " ") in str(error(answer))
