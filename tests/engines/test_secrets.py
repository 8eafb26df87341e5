"""Key files and sealing: made once, closed to others, bound to their place."""

import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keyuan.engines.secrets import (
    KeyAccessError,
    KeyFileError,
    SealBrokenError,
    Sealer,
    keyed_hash,
    keyed_hasher,
    make_keys,
    open_secrets,
    unwrap_keys,
)
from keyuan.engines.secrets.seal import NONCE_BYTES

KEY = bytes(range(32))
NONCE_FROM = 5  # after version and check
FILES = {"kek", "sender-hash", "blind-index", "token"}


def test_keys_are_made_once_and_closed_to_others(tmp_path: Path):
    folder = tmp_path / "deep" / "keys"
    first = open_secrets(folder)
    assert {path.name for path in folder.iterdir()} == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_secrets(folder) == first
    assert len({first.kek, first.sender_hash, first.blind_index, first.token}) == 4


def test_two_first_starts_at_once_agree(tmp_path: Path):
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(open_secrets, [tmp_path / "keys"] * 16))
    assert all(each == opened[0] for each in opened)
    assert {path.name for path in (tmp_path / "keys").iterdir()} == FILES


def test_keys_are_never_shown(tmp_path: Path):
    opened = open_secrets(tmp_path / "keys")
    assert repr(opened) == str(opened) == "Secrets()"


@pytest.mark.parametrize("value", [b"", b"ann", b"x" * 1000])
def test_a_keyed_hash_is_the_beginning_of_a_hmac(value: bytes):
    expected = hmac.digest(KEY, b"7|user|" + value, "sha256")[:16]
    hasher = keyed_hasher(KEY, 7, "user")
    assert keyed_hash(KEY, 7, "user", value) == expected
    assert [hasher.of(value), hasher.of(b"another"), hasher.of(value)] == [expected, hasher.of(b"another"), expected]


@pytest.mark.parametrize("name", ["kek", ""])
def test_keys_that_others_may_read_are_refused(tmp_path: Path, name: str):
    folder = tmp_path / "keys"
    open_secrets(folder)
    (folder / name).chmod(0o755 if name == "" else 0o640)
    with pytest.raises(KeyAccessError, match="chmod"):
        open_secrets(folder)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_key_file_is_not_replaced(tmp_path: Path, content: bytes):
    folder = tmp_path / "keys"
    open_secrets(folder)
    (folder / "kek").write_bytes(content)
    with pytest.raises(KeyFileError):
        open_secrets(folder)
    assert (folder / "kek").read_bytes() == content


def test_what_is_sealed_opens_in_its_place_only():
    sealer = Sealer(KEY)
    sealed = sealer.seal(b"plain", b"place")
    assert sealer.open(sealed, b"place") == b"plain"
    assert b"plain" not in sealed
    assert sealer.seal(b"plain", b"place") != sealed
    with pytest.raises(SealBrokenError):
        sealer.open(sealed, b"other")


@pytest.mark.parametrize("at", [5, 12, 17, -1])
def test_any_changed_byte_is_found(at: int):
    sealed = bytearray(Sealer(KEY).seal(b"plain text", b"place"))
    sealed[at] ^= 1
    with pytest.raises(SealBrokenError):
        Sealer(KEY).open(bytes(sealed), b"place")


def test_many_values_are_sealed_each_with_a_nonce_and_in_a_place_of_its_own():
    ann, bob = Sealer(KEY), Sealer(bytes(32))
    sealed = Sealer.seal_all([(ann, b"plain", b"1"), (ann, b"plain", b"2"), (bob, b"plain", b"3")])
    assert [ann.open(sealed[0], b"1"), ann.open(sealed[1], b"2"), bob.open(sealed[2], b"3")] == [b"plain"] * 3
    nonces = {each[NONCE_FROM : NONCE_FROM + NONCE_BYTES] for each in (*sealed, ann.seal(b"plain", b"4"))}
    assert len(nonces) == 4
    with pytest.raises(SealBrokenError):
        ann.open(sealed[0], b"2")
    assert Sealer.seal_all([]) == []


def test_what_was_sealed_under_a_destroyed_key_is_gone_and_not_broken():
    sealed = Sealer(KEY).seal(b"plain", b"place")
    assert Sealer(bytes(32)).open(sealed, b"place") is None


def test_wrapped_keys_open_for_their_owner_and_under_their_kek():
    made = make_keys(KEY, [b"ann", b"bob"])
    wrapped = {owner: key for owner, (key, _) in made.items()}
    opened = unwrap_keys(KEY, wrapped)
    assert opened[b"ann"].open(made[b"ann"][1].seal(b"x", b""), b"") == b"x"
    with pytest.raises(SealBrokenError):
        unwrap_keys(KEY, {b"ann": wrapped[b"bob"]})
    with pytest.raises(SealBrokenError, match="key-encryption key"):
        unwrap_keys(bytes(32), wrapped)
