"""How commands answer: words for people, one JSON value for programs, errors with what to do about them."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from keyuan.kernel.errors import InputError, KeyuanError, MissingError

EXIT_FAILED = 1
EXIT_INPUT = 2

DataDir = Annotated[
    Path | None, typer.Option("--data", help="Data folder (default .keyuan).", metavar="DIR", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON value.")]


def answer(value: Any, as_json: bool, words: Callable[[], str]) -> None:  # every command passes its flag
    """Print an answer on standard output."""
    sys.stdout.write((json.dumps(value, ensure_ascii=False, default=str) if as_json else words()) + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Say something beside the answer, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def told_errors() -> Generator[None, None, None]:
    """Turn our errors into a line on standard error and an exit code: 2 when the caller can correct it, else 1."""
    try:
        yield
    except KeyuanError as error:
        tell(f"keyuan: {error}")
        raise SystemExit(EXIT_INPUT if isinstance(error, InputError | MissingError) else EXIT_FAILED) from None
    except KeyboardInterrupt:
        tell("keyuan: interrupted")
        raise SystemExit(130) from None
