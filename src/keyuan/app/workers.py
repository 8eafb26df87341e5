"""The loops of `up`: what a process of its tree does again and again until it is told to stop.

SIGTERM asks for a clean end: the batch at hand is finished or rolled back. SIGKILL at any moment loses nothing,
because nothing is kept outside the database.
"""

import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from keyuan.app.anchoring import Line
from keyuan.app.chains import own_chain
from keyuan.app.installation import Installation, attached
from keyuan.app.lakes import campaign_reader, insight_reader, lake_writer
from keyuan.app.stopping import told_to_stop
from keyuan.engines.chain import Chain
from keyuan.engines.chain.outbox.post import AccountSigner
from keyuan.flows.consume import Consumer
from keyuan.jobs.clockwork import run_due
from keyuan.kernel.clock import system_now
from keyuan.kernel.config import Settings
from keyuan.kernel.errors import CorruptionError, EngineError

if TYPE_CHECKING:
    from keyuan.flows.lake import LakeWriter

IDLE_S = 0.05
_TROUBLE_S = 0.5
_JOBS_S = 1.0
_ANCHOR_S = 0.5
_LAKE_S = 0.5
_DAMAGED_S = 10.0
_NICE = 10
_CONSUMER_NICE = 5
_GC_THRESHOLD = 50_000
_SWITCH_S = 0.000_2
_STEPS_PER_COLLECTION = 50

_log = logging.getLogger(__name__)
Step = Callable[[Installation], bool]


def tune() -> None:
    """Collect garbage rarely: a batch makes many values that are freed by their counts, and hardly a circle.

    And let a thread that writes behind another one's back (`WriteBehindSession`) have its turn soon: it needs little,
    and PostgreSQL waits for it.
    """
    gc.set_threshold(_GC_THRESHOLD, 50, 50)
    sys.setswitchinterval(_SWITCH_S)


def run_consumer(settings: Settings, name: str) -> None:
    """Follow the log as one of its consumers until told to stop.

    Who sends waits for the answer, so on a busy machine intake goes first. What has come meanwhile makes larger
    batches, which cost less an event: a consumer that is behind catches up.
    """
    os.nice(_CONSUMER_NICE)
    known: dict[int, Consumer] = {}

    def step(installation: Installation) -> bool:
        database = installation.database
        taken = 0
        for tenant in installation.tenants():
            if tenant not in known:
                known[tenant] = Consumer(database, installation.secrets, tenant, name)
            taken += known[tenant].step()
        return taken > 0

    repeat(settings, step, IDLE_S)


def run_jobs(settings: Settings) -> None:
    """Do what the clock starts, until told to stop."""

    def step(installation: Installation) -> bool:
        database = installation.database
        return sum(run_due(database, tenant, system_now()) for tenant in installation.tenants()) > 0

    repeat(settings, step, _JOBS_S)


def run_anchor(settings: Settings) -> None:
    """Close epochs and anchor them until told to stop; what people wait for goes first on a busy machine."""
    os.nice(_NICE)
    lines: dict[int, Line] = {}
    owned: list[tuple[Chain, AccountSigner]] = []

    with ExitStack() as stack:

        def step(installation: Installation) -> bool:
            if not owned:
                owned.append(stack.enter_context(own_chain(settings, installation.folder)))
            for tenant in installation.tenants():
                if tenant not in lines:
                    lines[tenant] = Line(installation, tenant, *owned[0])
            return sum([line.step() for line in lines.values()]) > 0

        repeat(settings, step, _ANCHOR_S)


def run_lake(settings: Settings) -> None:
    """Follow the log and the ledger into the lake, and read it, until told to stop; who waits for points goes first."""
    os.nice(_NICE)
    writers: dict[int, LakeWriter] = {}
    readers: dict[int, list[Callable[[datetime], int]]] = {}

    def step(installation: Installation) -> bool:
        for tenant in installation.tenants():
            if tenant not in writers:
                writers[tenant] = lake_writer(installation, tenant)
                readers[tenant] = [each(installation, tenant).step for each in (insight_reader, campaign_reader)]
        if sum([_tried(tenant, "filled", writer.step) for tenant, writer in writers.items()]):
            return True
        now = system_now()
        looks = [(tenant, look) for tenant, each in readers.items() for look in each]
        return sum([_tried(tenant, "read", partial(look, now)) for tenant, look in looks]) > 0

    repeat(settings, step, _LAKE_S)


def _tried(tenant: int, what: str, work: Callable[[], int]) -> int:
    """Do it; what is damaged is told now and then, and tried again: nobody else waits for it."""
    try:
        return work()
    except CorruptionError as error:
        _log.error("tenant %s: the lake is not %s: %s", tenant, what, error)  # it is ours, and says it all
        time.sleep(_DAMAGED_S)
        return 0


def repeat(settings: Settings, step: Step, idle_s: float) -> None:
    """Call `step` again and again; wait a little when it had nothing to do, longer when an engine is in trouble."""
    done = told_to_stop()
    with attached(settings) as installation, collected_between() as collect:
        while not done.is_set():
            try:
                busy = step(installation)
                collect(busy)
                if not busy:
                    done.wait(idle_s)
            except EngineError:
                done.wait(_TROUBLE_S)


@contextmanager
def collected_between() -> Generator[Callable[[bool], None], None, None]:
    """Take the collector out of the steps and run it between them: when there is a rest, or after so many.

    A batch makes a million values that are freed by their counts; walking over them took a quarter of its time.
    """
    gc.disable()
    gc.freeze()
    steps = 0

    def collect(busy: bool) -> None:  # noqa: FBT001  # what the step answered
        nonlocal steps
        steps += busy
        if steps >= _STEPS_PER_COLLECTION or (steps and not busy):
            gc.collect()
            steps = 0

    try:
        yield collect
    finally:
        gc.unfreeze()
        gc.enable()
