"""The sink as a process of `up`: it keeps letters in the data folder and delivers nothing.

A module of its own, because it needs hardly anything of the rest, and so little memory.
"""

from typing import Final

from keyuan.app.tree import ends_with_parent, told_to_stop
from keyuan.engines.mail.sink import serve_sink
from keyuan.kernel.config import Settings

FOLDER: Final = "mail"


def run_sink(settings: Settings, port: int) -> None:
    """Take letters until told to stop."""
    done = told_to_stop()
    ends_with_parent()
    serve_sink(settings.data_dir.resolve() / FOLDER, port, done)
