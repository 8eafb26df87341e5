"""How commands answer: words for people, one JSON value for programs, errors with what to do about them."""

import json
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from keyuan.kernel.errors import InputError, KeyuanError, MissingError

EXIT_FAILED = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130
_WRONG_PATH = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
_AGAIN_S = 0.01
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

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


def stop_cleanly_on_signals() -> None:
    """Let SIGTERM and a closed terminal end a command as Ctrl-C does: what it started is stopped, once.

    A signal that the caller has switched off (nohup, a job in the background) stays so. One that arrives where Python
    swallows exceptions (a finaliser, a callback of a weak reference) is raised again a moment later.
    """
    signals = [each for each in _STOPPING if signal.getsignal(each) is not signal.SIG_IGN]
    unraisable = sys.unraisablehook

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def raise_again(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            unraisable(lost)

    sys.unraisablehook = raise_again
    for each in (*signals, signal.SIGALRM):
        signal.signal(each, stop)


@contextmanager
def told_errors() -> Generator[None, None, None]:
    """Turn errors into a line on standard error and an exit code: 2 when the caller can correct it, else 1."""
    try:
        yield
    except KeyuanError as error:
        tell(f"keyuan: {error}")
        raise SystemExit(EXIT_INPUT if isinstance(error, InputError | MissingError) else EXIT_FAILED) from None
    except BrokenPipeError:
        # Who read our answer has gone (`| head`); nothing may be written at the end of the process either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_FAILED) from None
    except OSError as failure:
        where = f": {failure.filename}" if failure.filename is not None else ""
        tell(f"keyuan: {failure.strerror or failure}{where}")
        raise SystemExit(EXIT_INPUT if isinstance(failure, _WRONG_PATH) else EXIT_FAILED) from None
    except KeyboardInterrupt:
        tell("keyuan: interrupted")
        raise SystemExit(EXIT_INTERRUPTED) from None
