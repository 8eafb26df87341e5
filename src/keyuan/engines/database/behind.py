"""A session that writes behind its caller's back: while PostgreSQL writes one thing, Python computes the next.

Python and PostgreSQL are two processes; a transaction that waits for each statement uses one core of two. Here what
is to be written `later` is done by one thread, in order; every other statement waits for it first, and so does the
commit, so nothing is read or kept before what was written comes to its end.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from keyuan.engines.database.session import PostgresSession, Row, Session


class WriteBehindSession:
    """A `Session` around another one, with a thread of its own; use as a context inside the transaction."""

    def __init__(self, inner: PostgresSession) -> None:
        self.tenant = inner.tenant
        self._inner = inner
        self._hand = ThreadPoolExecutor(1, "write-behind")
        self._last: Future[None] | None = None

    def rows(self, statement: str, /, **params: object) -> list[Row]:
        """Return all rows of a query."""
        return self._settled().rows(statement, **params)

    def rows_if_free(self, statement: str, /, **params: object) -> list[Row] | None:
        """Return what a statement that writes returns; None, and it wrote nothing, if a unique key is taken."""
        return self._settled().rows_if_free(statement, **params)

    def row(self, statement: str, /, **params: object) -> Row | None:
        """Return the first row of a query, or None."""
        return self._settled().row(statement, **params)

    def ensure(self, statement: str, /, **params: object) -> None:
        """Have made what is missing for ever."""
        self._settled().ensure(statement, **params)

    def execute(self, statement: str, /, **params: object) -> int:
        """Run a statement and return how many rows it touched."""
        return self._settled().execute(statement, **params)

    def stage(
        self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]], *, narrow: bool = False
    ) -> int:
        """Put rows into a temporary table."""
        return self._settled().stage(name, columns, rows, narrow=narrow)

    def stream(self, statement: str, /, *, size: int = 5000, **params: object) -> Iterator[Row]:
        """Yield the rows of a query through a server-side cursor, `size` at a time."""
        return self._settled().stream(statement, size=size, **params)

    def later(self, write: Callable[[Session], None], /) -> None:
        """Write while the caller goes on."""
        before = self._last

        def after_the_one_before() -> None:
            if before is not None:
                before.result()  # after a failure nothing more is written
            write(self._inner)

        self._last = self._hand.submit(after_the_one_before)

    def _settled(self) -> PostgresSession:
        """Wait until everything is written; what went wrong is raised here."""
        if self._last is not None:
            last, self._last = self._last, None
            last.result()
        return self._inner

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._settled()
        finally:
            self._hand.shutdown(wait=True, cancel_futures=True)
