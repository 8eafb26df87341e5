"""Contracts of ours on a chain in memory, called by name.

Arguments are encoded by eth-abi from the interface alone, so that what our own code packs is seen by another's.
"""

from collections.abc import Mapping
from typing import Any

from eth_abi.abi import decode, encode
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils.crypto import keccak

from keyuan.contracts import Book, Terms, doubled_digest, load, name_digest
from keyuan.contracts.artifacts import Name, Target

DAY = 86_400
NOTICE_S = 30 * DAY
DELAY_S = 2 * DAY
BOOK = Book(name_digest("brand"), name_digest("points"), name_digest("rule"))
FIRST = Terms(1_483_228_800_000_000, 100, 500, 12, doubled_digest(["bread"]))
ROLES = ("publisher", "candidate", "former", "stranger")

Event = tuple[str, dict[str, Any]]


def spelled(parameter: Mapping[str, Any]) -> str:
    """Return the canonical type of a parameter, tuples written out."""
    if not parameter["type"].startswith("tuple"):
        return parameter["type"]
    inner = ",".join(spelled(each) for each in parameter["components"])
    return f"({inner}){parameter['type'].removeprefix('tuple')}"


class Deployed:
    """One contract at an address."""

    def __init__(self, tester: EthereumTester, name: Name, address: str, made: str) -> None:
        self.tester, self.name, self.address, self.made = tester, name, address, made
        self.functions = {each["name"]: each for each in load(name).abi if each["type"] == "function"}
        self.events = {each["name"]: each for each in load(name).abi if each["type"] == "event"}

    @property
    def code(self) -> bytes:
        """The code at the address."""
        return bytes.fromhex(self.tester.get_code(self.address)[2:])

    def data(self, function: str, *arguments: object) -> bytes:
        """Return call data."""
        types = [spelled(each) for each in self.functions[function]["inputs"]]
        return keccak(text=f"{function}({','.join(types)})")[:4] + encode(types, arguments)

    def send(self, sender: str, function: str, *arguments: object, value: int = 0) -> str:
        """Send a transaction that goes through, and return its hash; raises TransactionFailed with the revert text."""
        data = "0x" + self.data(function, *arguments).hex()
        whole = {"from": sender, "to": self.address, "gas": 5_000_000, "data": data, "value": value}
        self.tester.call(whole)  # a node takes what reverts, too, and says nothing
        sent = self.tester.send_transaction(whole)
        if not self.tester.get_transaction_receipt(sent)["status"]:
            raise TransactionFailed(function)
        return sent

    def raw_call(self, data: bytes, sender: str | None = None) -> bytes:
        """Ask with call data; nothing is kept."""
        sender = sender or self.tester.get_accounts()[0]
        asked = {"from": sender, "to": self.address, "gas": 25_000_000, "data": "0x" + data.hex()}
        return bytes.fromhex(self.tester.call(asked)[2:])

    def call(self, function: str, *arguments: object, sender: str | None = None) -> Any:
        """Ask, and return the one value that the function gives, or None."""
        answer = self.raw_call(self.data(function, *arguments), sender)
        types = [spelled(each) for each in self.functions[function]["outputs"]]
        return decode(types, answer)[0] if types else None

    def gas(self, hash_: str) -> int:
        """Return the gas that a transaction used."""
        return self.tester.get_transaction_receipt(hash_)["gas_used"]

    def logged(self, hash_: str) -> list[Event]:
        """Return the events of a transaction, decoded by the interface."""
        return [self._event(log) for log in self.tester.get_transaction_receipt(hash_)["logs"]]

    def _event(self, log: Mapping[str, Any]) -> Event:
        topics = [bytes.fromhex(each[2:]) for each in log["topics"]]
        for name, event in self.events.items():
            types = [spelled(each) for each in event["inputs"]]
            if topics[0] == keccak(text=f"{name}({','.join(types)})"):
                indexed = [each for each in event["inputs"] if each["indexed"]]
                rest = [each for each in event["inputs"] if not each["indexed"]]
                values = dict(
                    zip(
                        [each["name"] for each in rest],
                        decode([spelled(each) for each in rest], bytes.fromhex(log["data"][2:])),
                        strict=True,
                    )
                )
                values |= {
                    each["name"]: decode([each["type"]], topic)[0]
                    for each, topic in zip(indexed, topics[1:], strict=True)
                }
                return name, values
        raise AssertionError(log)


def tester() -> EthereumTester:
    """Return a fresh chain with accounts that have ether."""
    return EthereumTester(PyEVMBackend())


def now_s(chain: EthereumTester) -> int:
    """Return the time of the newest block."""
    return chain.get_block_by_number("latest")["timestamp"]


def pass_time(chain: EthereumTester, seconds: int) -> None:
    """Mine a block so much later than the newest."""
    mine_at(chain, now_s(chain) + seconds)


def mine_at(chain: EthereumTester, at_s: int) -> None:
    """Mine an empty block at a time; questions are asked at the newest block's time, transactions a second later."""
    chain.time_travel(at_s)
    chain.mine_block()


def deploy(chain: EthereumTester, name: Name, *arguments: object, target: Target = "cancun") -> Deployed:
    """Deploy a contract with its constructor's arguments."""
    constructor = next(each for each in load(name).abi if each["type"] == "constructor")
    types = [spelled(each) for each in constructor["inputs"]]
    data = load(name).codes[target].creation + encode(types, arguments)
    sender = chain.get_accounts()[0]
    made = chain.send_transaction({"from": sender, "gas": 6_000_000, "data": "0x" + data.hex()})
    return Deployed(chain, name, chain.get_transaction_receipt(made)["contract_address"], made)


def anchor(chain: EthereumTester, publisher: str, target: Target = "cancun") -> Deployed:
    """Deploy a LedgerAnchor."""
    return deploy(chain, "LedgerAnchor", publisher, DELAY_S, target=target)


def terms(chain: EthereumTester, publisher: str, target: Target = "cancun", first: Terms = FIRST) -> Deployed:
    """Deploy a ProgramTerms."""
    return deploy(chain, "ProgramTerms", publisher, DELAY_S, NOTICE_S, BOOK, first, target=target)


def rotate(contract: Deployed, publisher: str, candidate: str) -> None:
    """Let a candidate take over from the publisher."""
    contract.send(publisher, "propose_publisher", candidate)
    pass_time(contract.tester, DELAY_S)
    contract.send(candidate, "accept_publisher")


__all__ = [
    "Deployed",
    "TransactionFailed",
    "anchor",
    "deploy",
    "mine_at",
    "now_s",
    "pass_time",
    "rotate",
    "terms",
    "tester",
]
