"""The command line. Imports stand inside commands, so that each starts as quickly as what it does allows."""

from keyuan.cli.main import main

__all__ = ["main"]
