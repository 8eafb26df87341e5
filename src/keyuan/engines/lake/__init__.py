"""The lake: tables in files that analytics read, one protocol and an embedded implementation (`embedded`).

What imports heavy drivers is imported where it is needed.
"""

from keyuan.engines.lake.model import (
    Columns,
    Expression,
    Lake,
    LakeDamagedError,
    LakeMovedError,
    LakeShapeError,
    Row,
    Shape,
    Span,
    Step,
    Tables,
)

__all__ = [
    "Columns",
    "Expression",
    "Lake",
    "LakeDamagedError",
    "LakeMovedError",
    "LakeShapeError",
    "Row",
    "Shape",
    "Span",
    "Step",
    "Tables",
]
