"""The parts of `up`: which there are, and what each does. Whoever imports this has loaded what they share.

Web and mail are here with all they load; the loops load what only they need (DuckDB, an EVM) when they begin, each in
its own process. None of it may start a thread by being loaded: parts are forked (`app/forkserver.py`).
"""

import os
from collections.abc import Mapping
from functools import partial
from typing import Final

from keyuan.app import workers
from keyuan.app.chains import read_chain
from keyuan.app.forkserver import Work
from keyuan.app.installation import Installation, attached
from keyuan.app.mailing import Mailroom, open_channel
from keyuan.app.sinking import run_sink
from keyuan.flows.places import CONSUMERS
from keyuan.kernel.config import Settings
from keyuan.web.server import make_app, make_server

_MAIL_S: Final = 0.5
_NICE: Final = 10


def works(settings: Settings, port: int, sink_port: int) -> Mapping[str, Work]:
    """Return what there is to do, by name of the part; what settings switch off is not there."""
    off = {
        "anchor": settings.chain == "off",
        "lake": settings.lake == "off",
        "mail": settings.smtp == "off",
        "sink": settings.smtp != "sink",
    }
    every = {
        "web": partial(run_web, settings, port),
        **{name: partial(workers.run_consumer, settings, name) for name in CONSUMERS},
        "jobs": partial(workers.run_jobs, settings),
        "anchor": partial(workers.run_anchor, settings),
        "lake": partial(workers.run_lake, settings),
        "mail": partial(run_mail, settings, port, sink_port),
        "sink": partial(run_sink, settings, sink_port),
    }
    return {name: work for name, work in every.items() if not off.get(name)}


def run_web(settings: Settings, port: int) -> None:
    """Answer HTTP until told to stop."""
    with attached(settings) as installation:
        app = make_app(
            installation.database,
            installation.secrets,
            tenant=settings.tenant,
            open_chain=partial(read_chain, settings, installation.folder) if settings.chain == "embedded" else None,
        )
        make_server(app, host=settings.host, port=port).run()


def run_mail(settings: Settings, port: int, sink_port: int) -> None:
    """Send letters until told to stop."""
    os.nice(_NICE)
    channel = open_channel(settings, sink_port)
    site = (settings.public_url or f"http://{settings.host}:{port}").rstrip("/")
    rooms: list[Mailroom] = []

    def step(installation: Installation) -> bool:
        if not rooms:
            rooms.append(Mailroom(installation, channel, site))
        return rooms[0].step()

    workers.repeat(settings, step, _MAIL_S)
    channel.close()
