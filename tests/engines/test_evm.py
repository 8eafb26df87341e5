"""Machines that run bytecode: one suite for the fast and the slow one, on code written by hand."""

import subprocess
import sys

import pytest

from keyuan.engines import evm
from keyuan.engines.evm import Kind, Machine, RevertedError, best_kind, open_machine
from keyuan.engines.evm.model import SENDER
from keyuan.kernel.errors import EngineError

KINDS: list[Kind] = ["pyrevm", "py-evm"] if best_kind() == "pyrevm" else ["py-evm"]
# Without call data: gives the stored word. With call data: stores its first word, and gives the block's time.
KEEPER = "36601057600054" + "60005260206000f3" + "00" + "5b600035600055" + "42" + "60005260206000f3"
ALWAYS_7 = "6007" + "60005260206000f3"
WHO_CALLS = "33" + "60005260206000f3"
REVERTS_WITH_DATA = "36600060003736" + "6000fd"  # gives its call data back as the reason
FOREVER = "5b600056"


def creation(runtime: str, before: str = "") -> bytes:
    """Return code that does something and makes a contract of run-time code."""
    start, size = len(before) // 2 + 12, len(runtime) // 2
    return bytes.fromhex(f"{before}60{size:02x}60{start:02x}60003960{size:02x}6000f3{runtime}")


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture(params=KINDS)
def machine(request: pytest.FixtureRequest) -> Machine:
    return open_machine(request.param)


def test_what_is_sent_stays_and_what_is_asked_does_not(machine: Machine):
    machine.create(creation(KEEPER), at_s=5)
    assert machine.call(b"") == word(0)
    assert machine.send(word(41), at_s=1_000) == word(1_000)
    assert machine.call(b"") == word(41)
    with pytest.raises(RevertedError):
        machine.call(word(42))
    assert machine.call(b"") == word(41)


def test_a_constructor_sees_the_time_and_stores(machine: Machine):
    machine.create(creation(KEEPER, before="42600055"), at_s=77)
    assert machine.call(b"") == word(77)


def test_other_code_finds_what_was_stored(machine: Machine):
    machine.create(creation(ALWAYS_7, before="602a600055"), at_s=1)
    assert machine.call(b"") == word(7)
    machine.replace_code(bytes.fromhex(KEEPER))
    assert machine.call(b"") == word(42)
    machine.send(word(43), at_s=2)
    machine.replace_code(bytes.fromhex(ALWAYS_7))
    machine.replace_code(bytes.fromhex(KEEPER))
    assert machine.call(b"") == word(43)


def test_one_address_calls(machine: Machine):
    machine.create(creation(WHO_CALLS), at_s=1)
    assert machine.call(b"") == SENDER.rjust(32, b"\0")


def test_a_reason_is_read_and_garbage_is_none(machine: Machine):
    machine.create(creation(REVERTS_WITH_DATA), at_s=1)
    text = "太早了"
    body = text.encode()
    said = bytes.fromhex("08c379a0") + word(32) + word(len(body)) + body.ljust(32, b"\0")
    with pytest.raises(RevertedError, match=text):
        machine.send(said, at_s=1)
    for garbage in (b"", b"\1\2\3\4", said[:4], said[:68], said[:4] + word(2**255) * 3):
        with pytest.raises(RevertedError):
            machine.call(garbage)


def test_code_that_never_ends_is_stopped(machine: Machine):
    machine.create(creation(FOREVER), at_s=1)
    with pytest.raises(RevertedError):
        machine.send(b"", at_s=1)


def test_a_constructor_that_refuses_makes_nothing(machine: Machine):
    with pytest.raises(RevertedError):
        machine.create(bytes.fromhex("60006000fd"), at_s=1)
    with pytest.raises(EngineError, match="no contract"):
        machine.call(b"")


def test_an_empty_machine_answers_nothing(machine: Machine):
    with pytest.raises(EngineError, match="no contract"):
        machine.send(b"", at_s=1)


def test_where_the_fast_machine_is_missing_the_slow_one_is_opened(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evm, "find_spec", {}.get)
    assert best_kind() == "py-evm"
    assert type(open_machine()).__name__ == "PyEvmMachine"


def test_the_command_line_starts_without_drivers_of_chains():
    # Each of them takes longer to import than most commands run.
    code = "import sys, keyuan.cli.main, keyuan.contracts, keyuan.engines.evm; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"web3", "eth", "eth_account", "eth_tester", "pyrevm"} & {*done.stdout.split()} == set()


def journal_length(machine: Machine) -> int:
    """Return how much the fast machine remembers to undo; the slow one keeps no such list."""
    driver = vars(machine).get("_evm")
    return 0 if driver is None else driver.journal_len


def test_many_questions_leave_no_trace(machine: Machine):
    machine.create(creation(KEEPER), at_s=1)
    before = journal_length(machine)
    for _ in range(300):
        machine.call(b"")
    assert journal_length(machine) <= before + 10


def test_opening_py_evm_leaves_the_recursion_limit_as_it_was():
    code = (
        "import sys; limit = sys.getrecursionlimit();"
        "from keyuan.engines.evm import open_machine; open_machine('py-evm');"
        "assert sys.getrecursionlimit() == limit, sys.getrecursionlimit()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
