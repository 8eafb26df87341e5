"""`keyuan` with a bug planted in it: `python planted.py BUG up --data DIR`. The product has no such switches.

Each bug removes one guard of PROMISES 1 or 3, in `up` and in all its parts; the harness has to find each.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from keyuan import cli
from keyuan.app import serve
from keyuan.engines.chain.embedded import journal
from keyuan.engines.database.embedded import settings
from keyuan.events import advance, lock_position, read_after
from keyuan.flows import consume
from keyuan.web import appender


def asynchronous() -> None:
    """A commit is acknowledged before its log is on disk, and the writer that brings it there is slow."""
    settings._SETTINGS |= {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"}


def split() -> None:
    """A consumer moves its position after its effects, in a transaction of its own."""

    def batch(self: consume.Consumer, limit: int) -> int:
        with self.database.transaction(self.tenant) as session:
            found = read_after(session, lock_position(session, self.name), limit)
            if found:
                consume.TAKES[self.name](session, self.secrets, found, self.crowd, 0)
        time.sleep(0.5)
        with self.database.transaction(self.tenant) as session:
            if found:
                advance(session, self.name, found[-1].seq)
        return len(found)

    consume.Consumer._batch = batch


def hasty() -> None:
    """An intake that answers as soon as events wait to be written."""
    put, commit = appender.Appender.put, appender.Appender._commit

    def answer_first(self: appender.Appender, job: appender.Job) -> None:
        put(self, appender.Job(job.tenant, job.judge))
        job.done.set_result(None)

    def slow_commit(self: appender.Appender, tenant: int, group: list[appender._Judged]) -> None:
        time.sleep(0.1)
        commit(self, tenant, group)

    appender.Appender.put = answer_first
    appender.Appender._commit = slow_commit


def forgetful() -> None:
    """An owner of the chain that answers before its newest block is in the journal."""
    append = journal.Journal.append
    held: list[bytes] = []

    def held_back(self: journal.Journal, payload: bytes) -> None:
        held.append(payload)
        if len(held) > 1:
            append(self, held.pop(0))

    journal.Journal.append = held_back


BUGS: dict[str, Callable[[], None]] = {each.__name__: each for each in (asynchronous, split, hasty, forgetful)}


def command(bug: str) -> tuple[str, ...]:
    """Return what to run instead of `keyuan`."""
    assert bug in BUGS
    return sys.executable, __file__, bug


def main() -> None:
    bug = sys.argv.pop(1)
    BUGS[bug]()
    own = serve._command

    def planted(*arguments: Any) -> Sequence[str]:
        words = own(*arguments)
        return [*command(bug), *words[words.index("fork-server") :]]

    serve._command = planted
    cli.main()


if __name__ == "__main__":
    main()
