"""Every way in which one value of a JSON file can be changed, left out, added, doubled or put elsewhere."""

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def tampered(whole: Any) -> Iterator[tuple[str, Any]]:
    """Yield what was done and the file after it, for one change at a time."""
    for path, value in places(whole):
        for what, other in others(value):
            if other != value or type(other) is not type(value):
                yield f"{where(path)}: {what}", put(whole, path, other)


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value of a file with the way to it, the inner ones too."""
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))


def others(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield other values that could stand in the place of one."""
    if isinstance(value, dict):
        for name in value:
            yield f"{name} dropped", {key: inner for key, inner in value.items() if key != name}
        yield "a field added", value | {"note": "x"}
    elif isinstance(value, list):
        yield from _other_lists(value)
    elif isinstance(value, str):
        yield from _other_texts(value)
    elif value is None:
        yield from (("a number", 1), ("a text", "acme-earn"), ("a digest", "00" * 32))
    else:
        yield from (("one more", value + 1), ("one less", value - 1), ("negative", -value), ("zero", 0))
        yield from (
            ("true", True),
            ("a text", str(value)),
            ("twice", value * 2),
            ("far", value + 2**32),
            ("huge", 2**63),
        )
    if value is not None:
        yield "null", None


def _other_lists(value: list[Any]) -> Iterator[tuple[str, Any]]:
    for number in range(len(value)):
        yield f"{number} dropped", value[:number] + value[number + 1 :]
        yield f"{number} doubled", value[: number + 1] + value[number:]
        yield f"{number} at the end", [*value[:number], *value[number + 1 :], value[number]]
    for number in range(len(value) - 1):
        yield f"{number} swapped", [*value[:number], value[number + 1], value[number], *value[number + 2 :]]
    yield "half", value[: len(value) // 2]
    yield "backwards", value[::-1]
    yield "empty", []


def _other_texts(value: str) -> Iterator[tuple[str, Any]]:
    yield from (("longer", value + "0"), ("upper case", value.upper()))
    if len(value) in {40, 64}:
        yield "first bit", f"{int(value[0], 16) ^ 8:x}{value[1:]}"
        yield "last bit", f"{value[:-1]}{int(value[-1], 16) ^ 1:x}"
        yield "zeros", "0" * len(value)
    else:
        yield from (("shorter", value[:-1]), ("empty", ""), ("with a space", f" {value}"))
        yield from (("another kind", other) for other in ("award", "redeem", "hold", "capture", "void", "expire"))
        yield "another brand", "blume" if value != "blume" else "acme"


def put(whole: Any, path: Path, value: Any) -> Any:
    """Return a copy of the file with another value in one place."""
    if not path:
        return value
    copy = whole.copy()
    copy[path[0]] = put(whole[path[0]], path[1:], value)
    return copy


def where(path: Path) -> str:
    """Return the way to a value as people read it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path) or "file"
