"""Terms in a machine, for tests of the contract's laws, also with a bug planted into its source."""

from pathlib import Path
from tempfile import TemporaryDirectory

from contracts.deployed import BOOK, DAY, DELAY_S, FIRST, NOTICE_S
from keyuan.contracts import Terms, TermsRecord, append_data, load, terms_hashes
from keyuan.contracts.compile import SOURCES, vyper
from keyuan.contracts.replay import own_creation
from keyuan.engines.evm import Machine, RevertedError, open_machine

BEGUN_S = 1_790_000_000
IMMUTABLES = DELAY_S.to_bytes(32, "big") + NOTICE_S.to_bytes(32, "big") + b"".join(BOOK)
OURS = load("ProgramTerms").codes["cancun"].runtime + IMMUTABLES


def record(*versions: Terms, code: bytes = OURS) -> TermsRecord:
    """Return what a contract with these terms says of itself; each is announced a day after the one before."""
    announced = tuple(BEGUN_S + DAY * number for number in range(len(versions)))
    return TermsRecord(code, BOOK, NOTICE_S, DELAY_S, versions, announced, tuple(terms_hashes(BOOK, versions)))


def with_bug(right: str, wrong: str) -> bytes:
    """Return the deployed code of a ProgramTerms in whose source one piece was replaced."""
    with TemporaryDirectory() as folder:
        for source in SOURCES.glob("*.vy"):
            text = source.read_text()
            if source.name == "ProgramTerms.vy":
                assert text.count(right) == 1, right
                text = text.replace(right, wrong)
            (Path(folder) / source.name).write_text(text)
        made = vyper("ProgramTerms", "cancun", Path(folder), ["bytecode_runtime"], "none")
    return bytes.fromhex(made["bytecode_runtime"].removeprefix("0x")) + IMMUTABLES


def begun(first: Terms = FIRST, code: bytes = OURS) -> Machine:
    """Return a machine with a contract that has its first terms."""
    machine = open_machine()
    machine.create(own_creation(record(first), "cancun"), at_s=BEGUN_S)
    machine.replace_code(code)
    return machine


def takes(machine: Machine, version: int, terms: Terms, now_s: int) -> bool:
    """Try to append terms, and tell whether the contract took them."""
    try:
        machine.send(append_data(version, terms), at_s=now_s)
    except RevertedError:
        return False
    return True
