"""What a driver's error means to the rooms: try again later, or stop."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from keyuan.kernel.errors import ConflictError, EngineError, InputError


class DatabaseGoneError(EngineError):
    """The database does not answer; nothing was changed. Try again in a moment."""


class RetryTransactionError(EngineError):
    """The transaction met another one and was undone; run it again."""


class ValueRefusedError(InputError):
    """The database cannot hold one of the values."""


class KeyTakenError(ConflictError):
    """A unique key is taken by another row."""


_RETRY = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
)


@contextmanager
def translated() -> Generator[None, None, None]:
    """Turn the driver's errors that a room or flow can act on into ours; all others are bugs and pass."""
    try:
        yield
    except _RETRY as error:
        raise RetryTransactionError from error
    except psycopg.errors.UniqueViolation as error:
        raise KeyTakenError(constraint=error.diag.constraint_name) from error
    # A row or key longer than a page: the driver calls that operational, and whoever tried again would do so for ever.
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
        raise ValueRefusedError(kind=type(error).__name__) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        raise DatabaseGoneError(cause=type(error).__name__) from error
