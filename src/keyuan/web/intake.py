"""The intake: `POST /v1/{batch,track,identify}` as Segment's clients speak it, answered once events are durable.

Plain Starlette routes on raw bytes, because this is the hot path. Deliberately not here: what makes an event
acceptable (`events.intake`), and when it is judged and committed (`appender.py`). Nothing that was sent is logged.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.events import Candidate, Gate, Source
from keyuan.events.intake import Plan
from keyuan.events.intake.requests import cut_batch, cut_single
from keyuan.kernel.errors import EngineError
from keyuan.web.admission import Admission
from keyuan.web.appender import Appender, Job
from keyuan.web.body import inflated, read_body
from keyuan.web.write_keys import WriteKeys

_SUCCESS = b'{"success": true}'


class SlowCommitError(EngineError):
    """The events were not written in time; send them again."""


class Patience(NamedTuple):
    """How many requests may be under way at once, and how long one waits until its events are durable."""

    waiting_max: int = 256
    answer_s_max: float = 30.0


class Intake:
    """The handlers of the three routes and what they share."""

    def __init__(
        self,
        keys: WriteKeys,
        appender: Appender,
        *,
        now: Callable[[], datetime],
        plan: Plan | None = None,
        patience: Patience,
    ) -> None:
        self._keys = keys
        self._appender = appender
        self._now = now
        self._plan = plan
        self._admission = Admission(patience.waiting_max)
        self._answer_s_max = patience.answer_s_max

    def routes(self) -> list[Route]:
        """Return the routes to put into an app."""
        return [
            Route("/v1/batch", self._batch, methods=["POST"]),
            Route("/v1/track", self._track, methods=["POST"]),
            Route("/v1/identify", self._identify, methods=["POST"]),
        ]

    async def _batch(self, request: Request) -> Response:
        return await self._take(request, None)

    async def _track(self, request: Request) -> Response:
        return await self._take(request, "track")

    async def _identify(self, request: Request) -> Response:
        return await self._take(request, "identify")

    async def _take(self, request: Request, event_type: str | None) -> Response:
        with self._admission.enter():
            source = await self._keys.source_of(request)
            received_at = self._now()
            body = await read_body(request)
            job = Job(source.tenant, partial(self._judge, source, body, received_at, event_type))
            self._appender.put(job)
            await self._answered(job)
        return Response(_SUCCESS, media_type="application/json")

    async def _answered(self, job: Job) -> None:
        """Wait until the events are durable.

        Raises:
            SlowCommitError: not in time; they may yet be written, and sent again they are repeats.
        """
        try:
            async with asyncio.timeout(self._answer_s_max):
                await asyncio.wrap_future(job.done)
        except TimeoutError:
            raise SlowCommitError from None

    def _judge(self, source: Source, body: bytes, received_at: datetime, event_type: str | None) -> Sequence[Candidate]:
        """Inflate, cut and judge: all that needs no waiting."""
        body = inflated(body)
        cut = cut_batch(body) if event_type is None else cut_single(body)
        gate = Gate(source=source.source, currency=source.currency, plan=self._plan)
        return gate.check_all(cut.raws, received_at, event_type=event_type, context=cut.context)
