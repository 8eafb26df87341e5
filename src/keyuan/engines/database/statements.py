"""Named SQL statements, kept in `queries.sql` beside the code that uses them.

A file is a row of blocks: `-- name --`, comment lines that say why, then one statement.
"""

import re
from collections.abc import Mapping
from importlib import resources

_HEADING = re.compile(r"^-- ([a-z][a-z0-9_]*) --$", re.MULTILINE)


def load_statements(package: str, name: str = "queries.sql") -> Mapping[str, str]:
    """Return the statements of one file by name.

    Raises:
        ValueError: a name stands twice, or a block holds no statement: a mistake of ours, found at import.
    """
    parts = _HEADING.split(resources.files(package).joinpath(name).read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for heading, block in zip(parts[1::2], parts[2::2], strict=True):
        statement = "\n".join(line for line in block.splitlines() if not line.startswith("--")).strip()
        if heading in found or not statement:
            raise ValueError(f"{package}/{name}: {heading} stands twice or is empty")
        found[heading] = statement
    return found
