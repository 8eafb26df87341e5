"""The bytes that we send and read by hand, against a chain and a library that read the interface."""

import pytest
from eth_utils.crypto import keccak

from contracts import deployed
from contracts.deployed import BOOK, DELAY_S, FIRST, NOTICE_S, Deployed
from keyuan.contracts import (
    AnswerError,
    anchor_creation,
    anchor_data,
    anchor_runtime,
    append_data,
    load,
    read_commitment,
    read_commitments,
    read_latest,
    terms_creation,
    terms_runtime,
)
from keyuan.contracts.artifacts import NAMES, TARGETS, Name, Target

EPOCHS = 7


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture(scope="module")
def anchored() -> Deployed:
    chain = deployed.tester()
    publisher = chain.get_accounts()[1]
    contract = deployed.anchor(chain, publisher)
    for epoch in range(1, EPOCHS + 1):
        contract.send(publisher, "anchor", epoch, digest(epoch))
    return contract


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_deployed_by_hand_is_what_a_library_deploys(target: Target):
    chain = deployed.tester()
    publisher = chain.get_accounts()[1]
    plain = bytes.fromhex(publisher[2:])
    anchor, terms = deployed.anchor(chain, publisher, target), deployed.terms(chain, publisher, target)
    for contract, creation, runtime in (
        (anchor, anchor_creation(target, plain, DELAY_S), anchor_runtime(target, DELAY_S)),
        (
            terms,
            terms_creation(target, plain, (DELAY_S, NOTICE_S), BOOK, FIRST),
            terms_runtime(target, (DELAY_S, NOTICE_S), BOOK),
        ),
    ):
        sent = chain.get_transaction_by_hash(contract.made)
        assert sent["data"] == "0x" + creation.hex()
        assert contract.code == runtime


def test_call_data_made_by_hand_is_that_of_a_library(anchored: Deployed):
    assert anchor_data(8, digest(8)) == anchored.data("anchor", 8, digest(8))
    terms = Deployed(anchored.tester, "ProgramTerms", anchored.address, "")
    assert append_data(2, FIRST) == terms.data("append", 2, FIRST)


def test_commitments_are_read_one_by_one_and_in_a_row(anchored: Deployed):
    assert read_latest("LedgerAnchor", anchored.raw_call) == EPOCHS
    assert read_commitment(3, anchored.raw_call) == digest(3)
    assert read_commitment(EPOCHS + 1, anchored.raw_call) is None
    for first, last in ((1, EPOCHS), (1, 10_000), (3, 5), (7, 7), (8, 20), (5, 4)):
        wanted = [digest(epoch) for epoch in range(first, min(last, EPOCHS) + 1)]
        assert read_commitments(first, last, anchored.raw_call) == wanted


def test_long_rows_are_read_in_pieces():
    asked: list[tuple[int, int]] = []

    def chain_of_2500(data: bytes) -> bytes:
        first, count = (int.from_bytes(data[start : start + 32], "big") for start in (4, 36))
        asked.append((first, count))
        found = [digest(epoch) for epoch in range(first, min(first + count, 2_501))]
        return digest(32) + digest(len(found)) + b"".join(found)

    assert read_commitments(1, 5_000, chain_of_2500) == [digest(epoch) for epoch in range(1, 2_501)]
    assert asked == [(1, 1_000), (1_001, 1_000), (2_001, 1_000)]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        digest(32),
        digest(32) + digest(1),
        digest(32) + digest(1) + digest(5) + b"\0",
        digest(32) + digest(2) + digest(5),
        digest(64) + digest(1) + digest(5),
        digest(32) + digest(3) + digest(5) * 3,
    ],
)
def test_an_answer_that_is_no_list_of_digests_is_refused(answer: bytes):
    with pytest.raises(AnswerError):
        read_commitments(1, 2, lambda _: answer)


def test_a_digest_of_another_width_is_not_anchored():
    with pytest.raises(AnswerError, match="32 bytes"):
        anchor_data(1, b"\1" * 31)


@pytest.mark.parametrize("name", NAMES)
def test_topics_are_hashes_of_the_signatures(name: Name):
    topics = load(name).topics
    assert topics == {signature: keccak(text=signature) for signature in topics}
    events = {each["name"] for each in load(name).abi if each["type"] == "event"}
    assert {signature.partition("(")[0] for signature in topics} == events
