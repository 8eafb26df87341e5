"""The sink as a part of `up`: it keeps letters in the data folder and delivers nothing."""

from typing import Final

from keyuan.app.stopping import told_to_stop
from keyuan.engines.mail.sink import serve_sink
from keyuan.kernel.config import Settings

FOLDER: Final = "mail"


def run_sink(settings: Settings, port: int) -> None:
    """Take letters until told to stop."""
    serve_sink(settings.data_dir.resolve() / FOLDER, port, told_to_stop().wait)
