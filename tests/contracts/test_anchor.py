"""LedgerAnchor: contiguous, immutable, and what its events and getters say; and how the publisher changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import deployed
from contracts.deployed import DELAY_S, Deployed, TransactionFailed
from keyuan.contracts.artifacts import TARGETS, Target

ZERO = "0x" + "00" * 20


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture(params=TARGETS)
def fresh(request: pytest.FixtureRequest) -> tuple[Deployed, str]:
    target: Target = request.param
    chain = deployed.tester()
    publisher = chain.get_accounts()[1]
    return deployed.anchor(chain, publisher, target), publisher


def test_epochs_are_anchored_one_after_another(fresh: tuple[Deployed, str]):
    contract, publisher = fresh
    assert contract.call("latest") == 0
    for epoch in (1, 2, 3):
        sent = contract.send(publisher, "anchor", epoch, digest(epoch * 7))
        assert contract.logged(sent) == [("Anchored", {"epoch": epoch, "commitment": digest(epoch * 7)})]
        assert contract.call("latest") == epoch
    assert [contract.call("commitment", epoch) for epoch in range(5)] == [digest(7 * n) for n in (0, 1, 2, 3, 0)]


@pytest.mark.parametrize("epoch", [0, 1, 2, 4, 2**64 - 1])
def test_no_other_epoch_than_the_next_is_taken(fresh: tuple[Deployed, str], epoch: int):
    contract, publisher = fresh
    for each in (1, 2):
        contract.send(publisher, "anchor", each, digest(each))
    with pytest.raises(TransactionFailed, match="LedgerAnchor: not the next epoch"):
        contract.send(publisher, "anchor", epoch, digest(99))
    assert contract.call("commitments", 1, 10) == (digest(1), digest(2))


def test_a_commitment_of_zero_would_look_like_none(fresh: tuple[Deployed, str]):
    contract, publisher = fresh
    with pytest.raises(TransactionFailed, match="LedgerAnchor: commitment is zero"):
        contract.send(publisher, "anchor", 1, bytes(32))


def test_numbers_beyond_64_bits_are_refused(fresh: tuple[Deployed, str]):
    contract, publisher = fresh
    beyond = contract.data("anchor", 1, digest(1))
    beyond = beyond[:4] + (2**64 + 1).to_bytes(32, "big") + beyond[36:]
    with pytest.raises(TransactionFailed):
        contract.raw_call(beyond, publisher)


def test_commitments_are_read_in_a_row():
    chain = deployed.tester()
    publisher = chain.get_accounts()[1]
    contract = deployed.anchor(chain, publisher)
    for epoch in range(1, 8):
        contract.send(publisher, "anchor", epoch, digest(epoch))

    @settings(max_examples=40, deadline=None)
    @given(first=st.integers(1, 9) | st.just(2**64 - 1), count=st.integers(0, 9) | st.just(1000))
    def whole(first: int, count: int) -> None:
        wanted = [digest(epoch) for epoch in range(1, 8)][first - 1 : first - 1 + count]
        assert contract.call("commitments", first, count) == tuple(wanted)

    whole()
    for first, count, says in ((0, 1, "epochs count from 1"), (1, 1001, "at most 1,000")):
        with pytest.raises(TransactionFailed, match=says):
            contract.call("commitments", first, count)


def test_a_new_publisher_takes_over_after_the_delay(fresh: tuple[Deployed, str]):
    contract, publisher = fresh
    candidate = contract.tester.get_accounts()[2]
    sent = contract.send(publisher, "propose_publisher", candidate)
    acceptable = deployed.now_s(contract.tester) + DELAY_S
    assert contract.call("acceptable_from_s") == acceptable
    assert contract.call("rotation_delay_s") == DELAY_S
    assert contract.call("pending_publisher") == candidate.lower()
    who = {"publisher": publisher.lower(), "candidate": candidate.lower()}
    assert contract.logged(sent) == [("PublisherProposed", who | {"acceptable_from_s": acceptable})]
    deployed.mine_at(contract.tester, acceptable - 1)
    with pytest.raises(TransactionFailed, match="publishing: too early"):
        contract.send(candidate, "accept_publisher")
    deployed.mine_at(contract.tester, acceptable)
    taken = contract.send(candidate, "accept_publisher")
    change = {"publisher_before": publisher.lower(), "publisher": candidate.lower()}
    assert contract.logged(taken) == [("PublisherChanged", change)]
    assert contract.call("publisher") == candidate.lower()
    assert (contract.call("pending_publisher"), contract.call("acceptable_from_s")) == (ZERO, 0)
    contract.send(candidate, "anchor", 1, digest(1))
    with pytest.raises(TransactionFailed, match="publishing: you are not the publisher"):
        contract.send(publisher, "anchor", 2, digest(2))


def test_a_proposal_is_taken_back_and_replaced(fresh: tuple[Deployed, str]):
    contract, publisher = fresh
    _, _, one, other, *_ = contract.tester.get_accounts()
    with pytest.raises(TransactionFailed, match="publishing: nobody was proposed"):
        contract.send(publisher, "cancel_proposal")
    contract.send(publisher, "propose_publisher", one)
    deployed.pass_time(contract.tester, DELAY_S)
    contract.send(publisher, "propose_publisher", other)
    for sender, says in ((one, "you were not proposed"), (other, "too early")):
        with pytest.raises(TransactionFailed, match=says):
            contract.send(sender, "accept_publisher")
    sent = contract.send(publisher, "cancel_proposal")
    who = {"publisher": publisher.lower(), "candidate": other.lower()}
    assert contract.logged(sent) == [("ProposalCancelled", who)]
    deployed.pass_time(contract.tester, DELAY_S)
    with pytest.raises(TransactionFailed, match="you were not proposed"):
        contract.send(other, "accept_publisher")


@pytest.mark.parametrize(("candidate", "says"), [(ZERO, "candidate is zero"), (None, "candidate publishes already")])
def test_nobody_is_no_candidate_and_the_publisher_neither(
    fresh: tuple[Deployed, str], candidate: str | None, says: str
):
    contract, publisher = fresh
    with pytest.raises(TransactionFailed, match=says):
        contract.send(publisher, "propose_publisher", candidate or publisher)


def test_the_zero_address_cannot_accept_what_was_never_proposed(fresh: tuple[Deployed, str]):
    contract, _ = fresh
    deployed.pass_time(contract.tester, DELAY_S)
    with pytest.raises(TransactionFailed, match="you were not proposed"):
        contract.send(contract.tester.get_accounts()[3], "accept_publisher")


@pytest.mark.parametrize(("delay_s", "works"), [(3_599, 0), (3_600, 1), (7_776_000, 1), (7_776_001, 0)])
def test_a_delay_is_between_an_hour_and_90_days(delay_s: int, works: int):
    chain = deployed.tester()
    made = deployed.deploy(chain, "LedgerAnchor", chain.get_accounts()[1], delay_s)
    assert chain.get_transaction_receipt(made.made)["status"] == works


def test_somebody_has_to_publish():
    chain = deployed.tester()
    made = deployed.deploy(chain, "LedgerAnchor", ZERO, DELAY_S)
    assert not chain.get_transaction_receipt(made.made)["status"]


def test_the_code_on_the_chain_is_known_as_ours(fresh: tuple[Deployed, str], request: pytest.FixtureRequest):
    contract, _ = fresh
    target = request.node.callspec.params["fresh"]
    artifact = deployed.load("LedgerAnchor")
    assert contract.code == artifact.codes[target].runtime + DELAY_S.to_bytes(32, "big")
    assert artifact.target_of(contract.code) == target
    assert artifact.target_of(b"\0" + contract.code) is None
    assert artifact.target_of(contract.code + b"\0") is None
    assert deployed.load("ProgramTerms").target_of(contract.code) is None
