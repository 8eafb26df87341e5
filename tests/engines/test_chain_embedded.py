"""The embedded chain on disk: what survives, what is cut off, and what is refused."""

import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from chains.epochs import EPOCHS, LOOP, MOMENT, creation, entry
from chains.owner_child import Runs
from keyuan.engines.chain import Call, CallRevertedError, ChainOwnedError, LogFilter, NonceTooHighError
from keyuan.engines.chain.embedded import (
    ChainMissingError,
    EmbeddedChain,
    JournalError,
    JournalFullError,
    JournalStoppedError,
    NoSuchBlockError,
    ReplayDiffersError,
    Replica,
    journal,
)
from keyuan.engines.chain.embedded.evm import Evm
from keyuan.engines.chain.embedded.genesis import Genesis, Mined
from keyuan.engines.chain.signer import PublisherKeyError, PublisherKeyOpenError, Signer, open_publisher

GAS = 200_000
BLOCKS = "blocks"


def send(chain: EmbeddedChain, signer: Signer, to: bytes | None, data: bytes) -> bytes:
    nonce = chain.nonce(signer.address)
    return chain.send_raw(signer.sign(chain.chain_id(), nonce, Call(to, data, GAS), chain.fees()).raw)


def deployed(chain: EmbeddedChain, signer: Signer, runtime: bytes = EPOCHS) -> bytes:
    receipt = chain.receipt(send(chain, signer, None, creation(runtime)))
    assert receipt is not None
    assert receipt.contract is not None
    return receipt.contract


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return open_publisher(tmp_path / "keys")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chain"


@pytest.fixture
def written(folder: Path, signer: Signer) -> Path:
    """A chain of three blocks, closed."""
    chain = EmbeddedChain(folder, signer.address)
    address = deployed(chain, signer)
    for epoch in (1, 2):
        send(chain, signer, address, entry(epoch))
    chain.close()
    return folder


def test_a_restart_serves_the_same_chain(written: Path, signer: Signer):
    before = Replica(written)
    chain = EmbeddedChain(written, signer.address)
    assert chain.chain_id() == before.chain_id()
    assert [chain.block(number) for number in range(4)] == [before.block(number) for number in range(4)]
    assert chain.get_logs(LogFilter(None, 0, 3)) == before.get_logs(LogFilter(None, 0, 3))
    chain.close()


def test_time_and_chance_of_a_block_are_the_same_after_a_restart(folder: Path, signer: Signer):
    now = [1_900_000_000]
    chain = EmbeddedChain(folder, signer.address, now_s=lambda: now[0])
    address = deployed(chain, signer, MOMENT)
    now[0] += 1_000
    send(chain, signer, address, b"")
    head = chain.head()
    assert head.timestamp == now[0]
    chain.close()
    again = Replica(folder)
    assert again.head() == head


def test_a_replay_with_another_mix_hash_gives_another_chain(folder: Path, signer: Signer):
    chain = EmbeddedChain(folder, signer.address)
    address = deployed(chain, signer, MOMENT)
    send(chain, signer, address, b"")
    chain.close()
    genesis, *blocks = journal.read(folder / BLOCKS).payloads
    for other in (True, False):
        evm, roots = Evm(Genesis.from_bytes(genesis)), list[bytes]()
        for mined in map(Mined.from_bytes, blocks):
            raws = [evm.decode(raw) for raw in mined.transactions]
            built = evm.build(raws, mined.timestamp, bytes(32) if other else mined.mix_hash)
            evm.adopt(built)
            roots.append(built.mined.state_root)
        assert (roots[-1] != Mined.from_bytes(blocks[-1]).state_root) is other


def test_time_never_stands_still_nor_goes_back(folder: Path, signer: Signer):
    times = iter([1_900_000_000, 1_900_000_000, 1_800_000_000, 1_900_000_500])
    chain = EmbeddedChain(folder, signer.address, now_s=lambda: next(times))
    for _ in range(3):
        send(chain, signer, signer.address, b"")
    assert [chain.block(number).timestamp for number in range(4)] == [
        1_900_000_000, 1_900_000_001, 1_900_000_002, 1_900_000_500]  # fmt: skip
    chain.close()


def test_a_second_owner_is_refused_and_readers_are_not(written: Path, signer: Signer):
    chain = EmbeddedChain(written, signer.address)
    with pytest.raises(ChainOwnedError):
        EmbeddedChain(written, signer.address)
    reader = Replica(written)
    send(chain, signer, signer.address, b"seen at once")
    assert reader.head() == chain.head()
    chain.close()
    EmbeddedChain(written, signer.address).close()


def test_where_there_is_no_chain_a_reader_makes_none(folder: Path):
    with pytest.raises(ChainMissingError):
        Replica(folder)


def test_the_end_that_a_killed_writer_left_is_cut_off(written: Path, signer: Signer):
    whole = (written / BLOCKS).read_bytes()
    last = journal.scan(whole, journal.START).payloads[-1]
    begin = len(whole) - len(last) - 16 - 32
    for end in range(begin + 1, len(whole)):
        assert journal.scan(whole[:end], journal.START).torn
        zeros = bytes(len(whole) - end)
        if end > begin + 16 and any(whole[end:]) and len(zeros) >= 32:
            assert journal.scan(whole[:end] + zeros, journal.START).torn
    (written / BLOCKS).write_bytes(whole[: begin + 40])
    assert Replica(written).block_number() == 2, "a reader leaves the end alone"
    assert (written / BLOCKS).stat().st_size == begin + 40
    chain = EmbeddedChain(written, signer.address)
    assert chain.block_number() == 2
    assert (written / BLOCKS).stat().st_size == begin
    send(chain, signer, signer.address, b"")
    chain.close()
    assert Replica(written).block_number() == 3


def test_every_flipped_bit_is_refused_and_nothing_is_cut(written: Path):
    whole = (written / BLOCKS).read_bytes()
    random = Random(5)
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << random.randrange(8)
        with pytest.raises(JournalError):
            journal.scan(bytes(flipped), journal.START)


def test_a_damaged_file_is_not_changed_by_a_start(written: Path, signer: Signer):
    path = written / BLOCKS
    body = bytearray(path.read_bytes())
    body[700] ^= 4
    path.write_bytes(body)
    with pytest.raises(JournalError):
        EmbeddedChain(written, signer.address)
    assert path.read_bytes() == body
    with pytest.raises(JournalError):
        EmbeddedChain(written, signer.address)  # and the first refusal let go of the lock


def rewritten(folder: Path, change: Callable[[list[bytes]], None]) -> None:
    """Change records and make all checks right again, as one who knows the format would."""
    payloads = journal.read(folder / BLOCKS).payloads
    change(payloads)
    check, body = journal.START.check, b""
    for payload in payloads:
        packed, check = journal.record(check, payload)
        body += packed
    (folder / BLOCKS).write_bytes(body)


def _other_mix(payloads: list[bytes]) -> None:
    payloads[2] = Mined.from_bytes(payloads[2])._replace(mix_hash=bytes(32)).to_bytes()


def _other_time(payloads: list[bytes]) -> None:
    mined = Mined.from_bytes(payloads[1])
    payloads[1] = mined._replace(timestamp=mined.timestamp - 1).to_bytes()


def _other_state(payloads: list[bytes]) -> None:
    payloads[3] = Mined.from_bytes(payloads[3])._replace(state_root=bytes(32)).to_bytes()


def _left_out(payloads: list[bytes]) -> None:
    del payloads[2]


def _twice(payloads: list[bytes]) -> None:
    payloads.insert(3, payloads[2])


def _richer(payloads: list[bytes]) -> None:
    payloads[0] = Genesis.from_bytes(payloads[0])._replace(balance=1).to_bytes()


@pytest.mark.parametrize("change", [_other_mix, _other_time, _other_state, _left_out, _twice, _richer])
def test_a_forged_journal_is_not_served(written: Path, signer: Signer, change: Callable[[list[bytes]], None]):
    rewritten(written, list.copy)
    assert Replica(written).block_number() == 3
    rewritten(written, change)
    with pytest.raises(ReplayDiffersError):
        EmbeddedChain(written, signer.address)


def test_an_answered_transaction_is_synced(written: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch):
    chain = EmbeddedChain(written, signer.address)
    synced: list[int] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        sync(handle)
        synced.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", watched)
    for _ in range(3):
        send(chain, signer, signer.address, b"")
        assert synced[-1] == (written / BLOCKS).stat().st_size
    assert len(synced) == 3
    chain.close()


def test_a_full_disk_takes_nothing_and_the_chain_goes_on(written: Path, signer: Signer):
    chain = EmbeddedChain(written, signer.address)
    before, size = chain.head(), (written / BLOCKS).stat().st_size
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
    try:
        with pytest.raises(JournalFullError):
            send(chain, signer, signer.address, b"")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (chain.head(), (written / BLOCKS).stat().st_size) == (before, size)
    send(chain, signer, signer.address, b"")
    chain.close()
    assert Replica(written).block_number() == 4


def test_after_a_failed_sync_nothing_is_promised_until_a_new_start(
    written: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
):
    chain = EmbeddedChain(written, signer.address)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _failing)
        with pytest.raises(JournalStoppedError):
            send(chain, signer, signer.address, b"")
    assert chain.block_number() == 3
    with pytest.raises(JournalStoppedError):
        send(chain, signer, signer.address, b"")
    chain.close()
    again = EmbeddedChain(written, signer.address)
    assert again.block_number() in (3, 4)
    again.close()


def _failing(_handle: int) -> None:
    raise OSError(5, "Input/output error")


def test_a_reader_follows_an_owner_that_takes_back_what_it_could_not_keep(written: Path, signer: Signer):
    kept = (written / BLOCKS).read_bytes()
    shutil.copytree(written, written.with_name("other"))
    ahead = EmbeddedChain(written, signer.address)
    send(ahead, signer, signer.address, b"taken back")
    reader = Replica(written)
    assert reader.block_number() == 4
    ahead.close()
    (written / BLOCKS).write_bytes(kept)
    assert reader.block_number() == 3
    for _ in range(2):
        other = EmbeddedChain(written, signer.address)
        send(other, signer, signer.address, b"instead" * 20)
        other.close()
    assert reader.block_number() == 5


def test_gaps_and_unknown_blocks_are_named(written: Path, signer: Signer):
    chain = EmbeddedChain(written, signer.address)
    early = signer.sign(chain.chain_id(), 9, Call(signer.address, b"", GAS), chain.fees())
    with pytest.raises(NonceTooHighError):
        chain.send_raw(early.raw)
    with pytest.raises(NoSuchBlockError):
        chain.balance(signer.address, 9)
    assert chain.get_logs(LogFilter(None, 0, 9, (None, None))) == []
    chain.close()


def test_a_call_without_end_ends_at_its_gas(folder: Path, signer: Signer):
    chain = EmbeddedChain(folder, signer.address)
    address = deployed(chain, signer, LOOP)
    with pytest.raises(CallRevertedError):
        chain.call(address, b"", gas=50_000)
    chain.close()


def test_the_publishers_key_is_its_own_and_for_its_owner_only(tmp_path: Path):
    one, other = open_publisher(tmp_path / "a"), open_publisher(tmp_path / "b")
    assert one.address != other.address
    assert open_publisher(tmp_path / "a").address == one.address
    path = tmp_path / "a" / "publisher"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(PublisherKeyOpenError):
        open_publisher(tmp_path / "a")
    path.chmod(0o600)
    path.write_bytes(bytes(32))
    with pytest.raises(PublisherKeyError):
        open_publisher(tmp_path / "a")


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with Runs() as started:
        yield started


@pytest.mark.parametrize("moment", ["at random", "in the write", "before the sync", "after the sync"])
def test_a_kill_loses_nothing_that_was_answered(runs: Runs, tmp_path: Path, moment: str):
    random = Random(moment)
    for _ in range(4):
        runs.one(tmp_path, moment, random)
    assert runs.faults(tmp_path) == []
    assert runs.answered(tmp_path) > 2


@pytest.mark.long
@pytest.mark.parametrize("moment", ["at random", "in the write", "before the sync", "after the sync"])
def test_many_kills_lose_nothing_that_was_answered(runs: Runs, tmp_path: Path, moment: str):
    """On a fresh chain now and then: each new owner runs all blocks again."""
    random = Random(f"long {moment}")
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
        for _ in range(6):
            runs.one(folder, moment, random)
        assert runs.faults(folder) == []
    assert sum(map(runs.answered, folders)) > 12


def test_answering_before_writing_is_found(runs: Runs, tmp_path: Path):
    random = Random(3)
    for _ in range(3):
        runs.one(tmp_path, "planted: answered first", random)
    assert runs.faults(tmp_path) != []
