"""The embedded chain on disk: an append-only file of records, each chained to the one before by its check.

A record is `mark, length, guard` (16 bytes), the payload, and a check of 32 bytes: sha256 over the check before, the
16 bytes and the payload. The guard is the first 8 bytes of sha256(check before, mark, length), so a damaged length is
never taken for a record that was cut short. What a killed writer left at the end is cut off: a record with fewer bytes
than it says, or one whose end never reached the disk and reads as zeros. Anything else that is wrong is refused.
Deliberately not here: what the payloads mean (`genesis`, `evm`), and who may write (`owner`).
"""

import os
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from keyuan.kernel.errors import CorruptionError, EngineError

_HEAD: Final = Struct(">4sI8s")
_MARK: Final = b"KYC0"
_FIRST_CHECK: Final = sha256(b"keyuan/chain/0").digest()
_NO_CHECK: Final = bytes(32)
PAYLOAD_MAX: Final = 16 * 1024 * 1024


class JournalError(CorruptionError):
    """The file of the embedded chain is damaged; restore it from your backup, or remove it to begin a new chain."""


class JournalFullError(EngineError):
    """The embedded chain could not be written to disk; the transaction did not happen."""


class JournalStoppedError(EngineError):
    """The disk failed while the embedded chain was written; start the process again."""


class Scan(NamedTuple):
    """What a stretch of the file holds: whole records, the place after them, and whether more bytes follow."""

    payloads: list[bytes]
    end: int
    check: bytes
    torn: bool


class Place(NamedTuple):
    """A place between two records: the offset, and the check of the record before."""

    offset: int = 0
    check: bytes = _FIRST_CHECK


START: Final = Place()


def _head(check: bytes, length: int) -> bytes:
    guard = sha256(check + _MARK + length.to_bytes(4, "big")).digest()[:8]
    return _HEAD.pack(_MARK, length, guard)


def record(check: bytes, payload: bytes) -> tuple[bytes, bytes]:
    """Return the bytes of a record that follows one with this check, and its own check."""
    head = _head(check, len(payload))
    after = sha256(check + head + payload).digest()
    return head + payload + after, after


def scan(body: bytes, place: Place) -> Scan:
    """Read the records of `body`, which begins at `place`.

    Raises:
        JournalError: it holds what no killed writer leaves behind.
    """
    payloads: list[bytes] = []
    at, check = 0, place.check
    while len(body) - at >= _HEAD.size:
        length = int.from_bytes(body[at + 4 : at + 8], "big")
        head = body[at : at + _HEAD.size]
        if head != _head(check, length):
            if any(body[at:]):
                raise JournalError(offset=place.offset + at)
            break  # the length of the file reached the disk, its bytes did not
        end = at + _HEAD.size + length
        if len(body) < end + len(check):
            break
        found = body[end : end + len(check)]
        after = sha256(check + head + body[at + _HEAD.size : end]).digest()
        if found != after:
            if found == _NO_CHECK and len(body) == end + len(check):
                break
            raise JournalError(offset=place.offset + at)
        payloads.append(body[at + _HEAD.size : end])
        at, check = end + len(check), after
    return Scan(payloads, place.offset + at, check, torn=at < len(body))


def read(path: Path, place: Place = START) -> Scan:
    """Read the records after a place; a torn end is reported, not cut."""
    with path.open("rb") as file:
        file.seek(place.offset)
        return scan(file.read(), place)


def create(path: Path, payload: bytes) -> None:
    """Make the file with its first record, whole or not at all; of two at once one wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(record(_FIRST_CHECK, payload)[0])
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A new name is safe from a power cut only when its folder is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Journal:
    """The file, open for its one writer."""

    def __init__(self, path: Path) -> None:
        found = read(path)
        self.payloads = found.payloads
        """What the file held when it was opened."""
        self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._place = Place(found.end, found.check)
        self._stopped = False
        if found.torn:
            os.ftruncate(self._handle, found.end)
        # What a killed writer had written whole, but not yet synced, is served from now on: it must stay.
        os.fsync(self._handle)

    def append(self, payload: bytes) -> None:
        """Write one record; when this returns it is on disk.

        Raises:
            JournalFullError: it is not in the file, which is as before.
            JournalStoppedError: what is on disk is not known; only a new start tells.
        """
        if self._stopped:
            raise JournalStoppedError
        body, after = record(self._place.check, payload)
        try:
            self._write(body)
        except OSError as error:
            self._undo()
            raise JournalFullError(reason=error.strerror) from error
        try:
            os.fsync(self._handle)
        except OSError as error:
            # A failed fsync may have thrown the pages away: trying again would report success for lost bytes.
            self._stopped = True
            raise JournalStoppedError(reason=error.strerror) from error
        self._place = Place(self._place.offset + len(body), after)

    def _write(self, body: bytes) -> None:
        written = 0
        while written < len(body):
            written += os.pwrite(self._handle, body[written:], self._place.offset + written)

    def _undo(self) -> None:
        try:
            os.ftruncate(self._handle, self._place.offset)
            os.fsync(self._handle)
        except OSError:
            self._stopped = True

    def close(self) -> None:
        """Let go of the file."""
        self._stopped = True
        os.close(self._handle)
