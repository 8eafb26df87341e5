"""Errors, told apart by who can act on them.

What is deliberately not here: HTTP codes and revert texts; they are mapped at the edges (`web/errors.py`, the
chain engine). Facts are logged fields and never personal data.
"""


class KeyuanError(Exception):
    """Something went wrong in Keyuan."""

    def __init__(self, message: str | None = None, /, **facts: object) -> None:
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.facts = facts
        super().__init__(self.message)

    def __str__(self) -> str:
        if not self.facts:
            return self.message
        return f"{self.message} ({', '.join(f'{name}={value}' for name, value in self.facts.items())})"


class InputError(KeyuanError):
    """The input is not valid; the caller can correct it."""


class MissingError(KeyuanError):
    """What was asked for does not exist."""


class ConflictError(KeyuanError):
    """The same key was used before with other content."""


class RefusedError(KeyuanError):
    """A rule said no."""


class EngineError(KeyuanError):
    """An engine did not answer; try again later."""


class CorruptionError(KeyuanError):
    """Stored data contradicts itself; stop and look."""
