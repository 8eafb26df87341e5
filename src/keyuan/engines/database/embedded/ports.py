"""The port of a cluster: the same at every start unless somebody else has taken it.

The first one follows from the folder's name, so that clusters side by side rarely meet and a command that was
printed once keeps working.
"""

import os
import socket

from keyuan.engines.database.embedded.layout import Layout
from keyuan.engines.database.embedded.pointer import name_of
from keyuan.kernel.errors import EngineError

# Below the ports that Linux gives to outgoing connections, so that one is rarely taken between two starts.
_FIRST = 20_000
_COUNT = 12_000


class NoPortError(EngineError):
    """No port from 20000 to 31999 is free on 127.0.0.1."""


def planned(layout: Layout) -> int:
    """The port of the last start; before the first, the one that the folder's name gives."""
    try:
        return int(layout.port_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _FIRST + int(name_of(layout.home), 16) % _COUNT


def choose(layout: Layout, avoid: set[int]) -> int:
    """A free port: the planned one, else the next; the race with others is the caller's (start again)."""
    start = planned(layout) - _FIRST
    for step in range(_COUNT):
        port = _FIRST + (start + step) % _COUNT
        if port not in avoid and free(port):
            return port
    raise NoPortError


def free(port: int) -> bool:
    """Whether PostgreSQL could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def remember(layout: Layout, port: int) -> None:
    """Keep the port for the next start."""
    staging = layout.port_file.with_name(f"{layout.port_file.name}.{os.getpid()}")
    staging.write_text(f"{port}\n", encoding="ascii")
    staging.replace(layout.port_file)
