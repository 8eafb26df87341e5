"""Who may do what: every function of every contract, tried by every role."""

from typing import Any

import pytest

from contracts import deployed
from contracts.deployed import FIRST, ROLES, Deployed, TransactionFailed
from keyuan.contracts import load
from keyuan.contracts.artifacts import NAMES, Name

# Every function that changes something, and the one role that may call it. All others are questions, free to all.
WRITERS = {
    "LedgerAnchor": {
        "anchor": "publisher",
        "propose_publisher": "publisher",
        "cancel_proposal": "publisher",
        "accept_publisher": "candidate",
    },
    "ProgramTerms": {
        "append": "publisher",
        "propose_publisher": "publisher",
        "cancel_proposal": "publisher",
        "accept_publisher": "candidate",
    },
}
REFUSALS = {
    "accept_publisher": "publishing: you were not proposed",
    "": "publishing: you are not the publisher",
}
Scene = tuple[dict[str, str], dict[str, Deployed]]


def functions(name: Name) -> list[str]:
    return [each["name"] for each in load(name).abi if each["type"] == "function"]


CASES = [(name, function, role) for name in NAMES for function in functions(name) for role in ROLES]


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Both contracts, each with a former publisher, a publisher and a candidate who could accept now."""
    chain = deployed.tester()
    former, publisher, candidate, stranger = chain.get_accounts()[1:5]
    contracts = {"LedgerAnchor": deployed.anchor(chain, former), "ProgramTerms": deployed.terms(chain, former)}
    for each in contracts.values():
        deployed.rotate(each, former, publisher)
        each.send(publisher, "propose_publisher", candidate)
    deployed.pass_time(chain, deployed.DELAY_S)
    return {"former": former, "publisher": publisher, "candidate": candidate, "stranger": stranger}, contracts


def arguments(contract: Deployed, function: str, roles: dict[str, str]) -> tuple[Any, ...]:
    starts_at_us = (deployed.now_s(contract.tester) + deployed.DAY) * 10**6
    known: dict[str, tuple[Any, ...]] = {
        "anchor": (1, b"\1" * 32),
        "append": (2, FIRST._replace(starts_at_us=starts_at_us)),
        "commitments": (1, 10),
        "propose_publisher": (roles["stranger"],),
        "quote": (1, 1000, 0, 0),
        "quote_many": (1, [(1000, 0, 0)]),
    }
    return known.get(function, (1,) * len(contract.functions[function]["inputs"]))


@pytest.mark.parametrize("name", NAMES)
def test_the_table_names_every_function_that_changes_something(name: Name):
    assert {
        each["name"]
        for each in load(name).abi
        if each["type"] == "function" and each["stateMutability"] not in {"view", "pure"}
    } == {*WRITERS[name]}


@pytest.mark.parametrize(("name", "function", "role"), CASES)
def test_a_role_may_do_what_the_table_says_and_nothing_else(scene: Scene, name: Name, function: str, role: str):
    roles, contracts = scene
    contract = contracts[name]
    given = arguments(contract, function, roles)
    if WRITERS[name].get(function, role) == role:
        contract.call(function, *given, sender=roles[role])
    else:
        with pytest.raises(TransactionFailed, match=REFUSALS.get(function, REFUSALS[""])):
            contract.call(function, *given, sender=roles[role])


@pytest.mark.parametrize(("name", "function"), [(name, function) for name in NAMES for function in WRITERS[name]])
def test_no_function_takes_money(scene: Scene, name: Name, function: str):
    roles, contracts = scene
    contract = contracts[name]
    with pytest.raises(TransactionFailed):
        contract.send(roles[WRITERS[name][function]], function, *arguments(contract, function, roles), value=1)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_can_simply_pay_in(scene: Scene, name: Name):
    roles, contracts = scene
    paid = {"from": roles["stranger"], "to": contracts[name].address, "gas": 90_000, "value": 1}
    with pytest.raises(TransactionFailed):
        contracts[name].tester.call(paid)
