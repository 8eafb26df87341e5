"""Web: the HTTP intake and the health of the process."""

from keyuan.web.server import make_app, uvicorn_options

__all__ = ["make_app", "uvicorn_options"]
