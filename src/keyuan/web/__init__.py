"""Web: the HTTP intake and the health of the process."""

from keyuan.web.server import make_app, make_server

__all__ = ["make_app", "make_server"]
