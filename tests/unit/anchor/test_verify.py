"""The verifier: whole files pass; one in which anything was changed is refused because the commitments say so."""

import re
from typing import Any

import pytest

from keyuan.anchor.keyuan_verify import RefusedError, Root, verify
from keyuan.ledger.model import Kind
from unit.anchor import tampering
from unit.anchor.made_up import BRANDS, SIZES, History, written

WHOLE = History()
HERS = next(account for account in WHOLE.accounts() if WHOLE.holding(account).brand == "acme")


def refusal(file: Any, root: Root | None = None) -> str:
    """Return why a file is refused."""
    with pytest.raises(RefusedError) as refused:
        verify(file if isinstance(file, bytes) else written(file), root or WHOLE.root())
    return str(refused.value)


@pytest.mark.parametrize("account", WHOLE.accounts())
def test_everybody_can_prove_her_points(account: int):
    result = verify(written(WHOLE.bundle(account)), WHOLE.root())
    own = [movement for movement in WHOLE.movements if movement.account == account]
    assert (result.epoch, result.epochs, result.movements) == (5, 5, len(own))
    assert result.awards == sum(movement.rule is not None for movement in own)
    assert tuple(result.balances) == WHOLE.state.standings[account].balances


def test_the_history_has_every_kind_of_movement_and_both_terms():
    assert {movement.kind for movement in WHOLE.movements} == {1, 2, 3, 4, 5, 6}
    assert {movement.rule_version for movement in WHOLE.movements} == {None, 1, 2}


@pytest.mark.parametrize("brand", BRANDS)
def test_what_a_brand_owes_is_the_sum_of_what_everybody_has(brand: str):
    result = verify(written(WHOLE.audit(brand)), WHOLE.root())
    own = {movement.account for movement in WHOLE.movements if movement.brand == brand}
    balances = [WHOLE.state.standings[account].balances for account in own]
    assert result.accounts == len(own)
    assert tuple(result.balances) == tuple(map(sum, zip(*balances, strict=True)))


def survivors(file: Any) -> tuple[int, list[str]]:
    """Return how many tampered files were tried, and which of them passed."""
    root, tried, passed = WHOLE.root(), 0, list[str]()
    for what, wrong in tampering.tampered(file):
        tried += 1
        try:
            verify(written(wrong), root)
        except RefusedError:
            continue
        passed.append(what)
    return tried, passed


@pytest.mark.parametrize("place", [WHOLE.accounts().index(HERS), -1])
def test_a_bundle_is_refused_after_any_change(place: int):
    tried, passed = survivors(WHOLE.bundle(WHOLE.accounts()[place]))
    assert passed == []
    assert tried > 1_500


def test_an_audit_file_is_refused_after_any_change():
    tried, passed = survivors(WHOLE.audit("acme"))
    assert passed == []
    assert tried > 500


def test_each_class_of_value_is_among_those_that_are_changed():
    """The ways to values, without numbers, are those that docs/reference/proofs.md names."""
    file = WHOLE.bundle(WHOLE.accounts()[0])
    classes = {re.sub(r"\[\d+\]", "[]", tampering.where(path)) for path, _ in tampering.places(file)}
    assert {".leaves[].salt", ".leaves[].proof[]", ".headers[].consistency[]", ".balance.proof[].hash"} <= classes
    assert {".terms[].doubled[]", ".books[].record", ".record.since.issued", ".domain.ledger"} <= classes


def test_a_bundle_as_of_an_older_epoch_says_so():
    older = History(sizes=SIZES[:3], drawn=sum(SIZES))
    result = verify(written(older.bundle(older.accounts()[0])), WHOLE.root())
    assert (result.epoch, result.epochs) == (3, 5)


def test_a_bundle_beyond_the_commitments_is_refused():
    root = WHOLE.root()
    shorter = root._replace(commitments=root.commitments[:4])
    assert "the commitments you trust end at 4" in refusal(WHOLE.bundle(HERS), shorter)


def test_the_root_of_trust_decides_and_not_the_bundle():
    other = History(seed=13)
    file = written(other.bundle(other.accounts()[0]))
    assert verify(file, other.root()).movements
    assert "not the header that was committed to" in refusal(file)
    root = WHOLE.root()
    assert "another chain" in refusal(WHOLE.bundle(HERS), root._replace(chain_id=1))
    assert "another contract" in refusal(WHOLE.bundle(HERS), root._replace(contract=bytes(20)))


def test_a_history_cut_before_movements_without_effect_is_refused():
    """A hold and its end leave the balances as they were: only the head in the sum tree shows that they are missing."""
    last = WHOLE.movements[-1]._replace(account=HERS, brand="acme", points=1, reference=None)
    more = [last._replace(kind=Kind.HOLD), last._replace(kind=Kind.VOID)]
    longer = History(more=more)
    file = longer.bundle(HERS)
    assert verify(written(file), longer.root()).balances == verify(written(WHOLE.bundle(HERS)), WHOLE.root()).balances
    del file["leaves"][-2:]
    assert "movements after the last leaf are missing" in refusal(file, longer.root())


def test_the_reason_names_the_leaf():
    file = WHOLE.bundle(HERS)
    file["leaves"][2]["available"] += 5
    assert f"leaf {file['leaves'][2]['seq']} (" in refusal(file)
    file = WHOLE.bundle(HERS)
    del file["leaves"][3]
    assert "movement 4 of the account is missing" in refusal(file)


AWARD = next(place for place, movement in enumerate(WHOLE.movements) if movement.rule_version == 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"points": 61, "day_points": 61}, "the terms say"),
        ({"base_minor": 100_000}, "the terms say"),
        ({"rule_version": 1}, "version 2 of the terms was in force"),
        ({"rule": "blume-earn"}, "version 0 of the terms was in force"),
        ({"day": 17_168}, "the points of the day are others"),
        ({"expires_at_us": WHOLE.movements[AWARD].at_us + 1}, "by the terms it expires on"),
        ({"expires_at_us": None}, "does not say how it was computed"),
    ],
    ids=str,
)
def test_an_operator_who_commits_to_a_wrong_award_is_found(changes: dict[str, Any], reason: str):
    """Everything is committed to, roots and balances are right: only the terms say that the award is not."""
    wrong = History(wrong={AWARD: changes}, sizes=(25, AWARD - 24))
    assert reason in refusal(wrong.bundle(wrong.movements[AWARD].account), wrong.root())


def test_the_parser_takes_one_way_of_writing_only():
    good = written(WHOLE.bundle(HERS))
    assert verify(good, WHOLE.root())
    place = re.findall(rb'"place": \d+', good)[0]
    for old, new, reason in (
        (b'"format":', b'"format": "x", "format":', "stands twice"),
        (place, place + b".0", "not a whole number"),
        (place, b'"place": NaN', "not a whole number"),
        (place, b'"place": -0.0', "not a whole number"),
        (place, place + b"e0", "not a whole number"),
        (b'"acme"', b'"ac\\u0000me"', "a character that no name has"),
        (b'"acme"', b'"ac\\ud800me"', "a character that no name has"),
        (b'"acme"', b'"ac\xffme"', "not JSON"),
        (b"keyuan/bundle/0", b"keyuan/bundle/1", "must be of format"),
        (b"keyuan/bundle/0", b"keyuan/commitments/0", "must be of format"),
        (good, b"[" * 100_000, "not JSON"),
        (good, b'{"format": ' + b"9" * 10_000 + b"}", "not JSON"),
        (good, b"", "not JSON"),
        (good, b"null", "must be of format"),
        (good, b'{"format": ["keyuan/bundle/0"]}', "must be of format"),
    ):
        assert reason in refusal(good.replace(old, new, 1))
