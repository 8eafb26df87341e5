"""Letters and the way out of the house: what is sent, and what became of it.

A channel sends a batch over one connection and answers for each letter. It never quotes what a server said: servers
like to repeat the address. Deliberately not here: who gets a letter and what stands in it (`flows`).
Units: seconds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from keyuan.kernel.errors import EngineError

ADDRESS_MAX: Final = 254  # RFC 5321, 4.5.3.1.3
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@(?:[^\s@<>()\[\],;:\\\"._-][^\s@<>()\[\],;:\\\"]*)")


class ChannelUnreachableError(EngineError):
    """The mail server does not answer, or not with a certificate that can be trusted; letters wait until it does."""


class ChannelRefusedError(EngineError):
    """The mail server answers and does not take our letters; look at the settings `smtp` and `mail_from`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message to one person. `id` never changes, so that one that was sent twice can be told from two."""

    id: UUID
    to: str = field(repr=False)
    language: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    unsubscribe_url: str = field(repr=False)
    """Where one click ends it all (RFC 8058)."""
    unsubscribe_mailto: str | None = field(default=None, repr=False)


class Answer(StrEnum):
    """What became of a letter."""

    ACCEPTED = "accepted"
    LATER = "later"
    """Not now, or nobody knows: it is sent again, with the same Message-ID."""
    NEVER = "never"
    UNTRIED = "untried"
    """Its turn did not come."""


class Outcome(NamedTuple):
    """What became of a letter, and the reason in words of ours: never an address, never the server's own words."""

    answer: Answer
    reason: str | None = None


class Channel(Protocol):
    """A way out of the house; used by one thread."""

    @property
    def delivers(self) -> bool:
        """Whether what it takes may reach somebody; a sink keeps it here."""
        ...

    def open(self) -> None:
        """Be connected; one that is connected is asked whether it still is.

        Raises:
            ChannelUnreachableError: nobody answers there.
            ChannelRefusedError: the server does not let us in, or has not taken our sender; no letter is to blame.
        """
        ...

    def send(self, letters: Sequence[Letter], within_s: float) -> list[Outcome]:
        """Send letters one by one over the open connection and return an outcome for each.

        None is begun after `within_s`, and none is tried without a connection: after a loss, the next `open` makes one.
        """
        ...

    def close(self) -> None:
        """Say goodbye; `open` connects again."""
        ...


def is_address(text: str) -> bool:
    """Tell whether a text can be the address of one person, and of nobody else."""
    return len(text) <= ADDRESS_MAX and text.isprintable() and _ADDRESS.fullmatch(text) is not None
