"""Artifacts as they are shipped: what can be read from them without a compiler."""

import hashlib

import pytest

from keyuan.contracts import load
from keyuan.contracts.artifacts import NAMES, TARGETS, Name, UnknownContractError
from keyuan.contracts.compile import SOURCES

PUSH0 = 0x5F


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_names_the_sources_it_is_made_of(name: Name):
    found = load(name)
    assert found.compiler == "0.4.3+commit.bff19ea2"
    assert {file: hashlib.sha256((SOURCES / file).read_bytes()).hexdigest() for file in found.sources} == found.sources
    assert {*found.sources} == {f"{name}.vy", "publishing.vy"}


@pytest.mark.parametrize("name", NAMES)
def test_every_function_has_its_four_bytes(name: Name):
    found = load(name)
    functions = {each["name"] for each in found.abi if each["type"] == "function"}
    assert {signature.partition("(")[0] for signature in found.selectors} == functions
    assert {len(selector) for selector in found.selectors.values()} == {4}
    assert len({*found.selectors.values()}) == len(found.selectors)


def test_selectors_that_other_programs_write_by_hand():
    anchor, terms = load("LedgerAnchor").selectors, load("ProgramTerms").selectors
    assert anchor["anchor(uint64,bytes32)"].hex() == "a6855208"
    assert anchor["commitment(uint64)"].hex() == "296cf2a1"
    assert anchor["commitments(uint64,uint64)"].hex() == "c641609b"
    assert anchor["latest()"].hex() == terms["latest()"].hex() == "52bfe789"
    assert terms["terms_hash(uint64)"].hex() == "99b7403a"


@pytest.mark.parametrize("name", NAMES)
def test_code_for_an_older_evm_does_without_newer_instructions(name: Name):
    codes = load(name).codes
    assert {*codes} == {*TARGETS}
    # Creation code begins with instructions: the newer pushes zero in one byte, the older cannot.
    assert PUSH0 in codes["cancun"].runtime[:2]
    assert codes["paris"].runtime[0] != PUSH0
    assert len(codes["cancun"].runtime) < len(codes["paris"].runtime) < 24_576


def test_there_are_no_other_contracts():
    with pytest.raises(UnknownContractError):
        load("Points")
