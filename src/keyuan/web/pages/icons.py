"""One set of line icons, drawn for these pages on a grid of 24; and the two rings, which are mark and proof badge.

An icon stands beside words, so screen readers pass over it; a proof badge always has its word.
"""

from typing import Final, Literal

from markupsafe import Markup

Proof = Literal["anchored", "waiting", "mismatch"]
_PATHS: Final[dict[str, str]] = {
    "home": "M4 11l8-7 8 7v8.5a.5.5 0 0 1-.5.5H15v-6H9v6H4.5a.5.5 0 0 1-.5-.5z",
    "people": "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20v-1.5a4.5 4.5 0 0 1 4.5-4.5h4"
    "a4.5 4.5 0 0 1 4.5 4.5V20M16 4.8a3.5 3.5 0 0 1 0 6.4M18.5 14.3a4.5 4.5 0 0 1 3 4.2V20",
    "segments": "M12 3.5l3.8 6.5H8.2zM7 21a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM13.5 14h7v7h-7z",
    "ledger": "M6 3.5h12a1.5 1.5 0 0 1 1.5 1.5v15.5H6A1.5 1.5 0 0 1 4.5 19V5A1.5 1.5 0 0 1 6 3.5z"
    "M4.5 17.5h15M9 10l2.3 2.3L15.5 8",
    "search": "M10.5 17.5a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20.5 20.5l-5-5",
    "menu": "M4 6.5h16M4 12h16M4 17.5h16",
    "person": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5v-1a5.5 5.5 0 0 1 5.5-5.5h4a5.5 5.5 0 0 1 5.5 5.5v1",
    "alert": "M12 4L2.5 20h19zM12 10v4.5M12 17.3v.2",
    "clock": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2",
    "table": "M4 4.5h16v15H4zM4 9.5h16M9.5 9.5v10",
    "chart": "M4 4v16h16M7.5 15l3.5-4 3 2.5 5-6.5",
    "back": "M14.5 5.5L8 12l6.5 6.5",
    "send": "M21 3.5L10.5 14M21 3.5l-6.5 17.5-4-7-7-4z",
    "stop": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM5.7 5.7l12.6 12.6",
    "check": "M4.5 12.5l5 5 10-11",
    "close": "M5.5 5.5l13 13M18.5 5.5l-13 13",
    "plus": "M12 4.5v15M4.5 12h15",
    "basket": "M3 9.5h18l-2 10H5zM8 9.5l3-5.5M16 9.5L13 4M9.5 13v3.5M14.5 13v3.5",
    "gift": "M4 9h16v3.5H4zM5.5 12.5h13V20h-13zM12 9v11M12 9C7 9 7 4 9.5 4S12 9 12 9s0-5 2.5-5S17 9 12 9z",
    "hourglass": "M6.5 3.5h11M6.5 20.5h11M7.5 3.5c0 5 9 5.5 9 8.5M16.5 20.5c0-5-9-5.5-9-8.5M16.5 3.5"
    "c0 5-9 5.5-9 8.5M7.5 20.5c0-5 9-5.5 9-8.5",
    "undo": "M8 5L3.5 9.5 8 14M4 9.5h10a6 6 0 0 1 0 12h-3",
    "lock": "M5.5 10.5h13v10h-13zM8.5 10.5V7a3.5 3.5 0 0 1 7 0v3.5",
    "key": "M8 20a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM11.2 12.3L20 3.5M16.5 7l3 3",
    "exit": "M10 4H4.5v16H10M15 7.5l4.5 4.5-4.5 4.5M19.5 12H9",
    "sun": "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3L7 7M17 17"
    "l1.7 1.7M18.7 5.3L17 7M7 17l-1.7 1.7",
    "hidden": "M3 12c4-7 14-7 18 0-4 7-14 7-18 0zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM4 20L20 4",
}


def icon(name: str, size: int = 16) -> Markup:
    """Return an icon; a name that is not there is a mistake of ours."""
    return Markup(
        '<svg width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="{1}"/></svg>'
    ).format(size, _PATHS[name])


def rings(state: Proof = "anchored", width: int = 21) -> Markup:
    """Return the two rings: overlap filled when both agree, right one dashed while waiting, apart when they differ."""
    left, right, radius = ("5.4", "15.6", "4.6") if state == "mismatch" else ("7.5", "13.5", "5.9")
    both = Markup('<path class="both" d="M10.5 1.92a5.9 5.9 0 0 1 0 10.16a5.9 5.9 0 0 1 0-10.16z"/>')
    return Markup(
        '<svg class="rings {state}" width="{width}" height="{height}" viewBox="0 0 21 14" aria-hidden="true">{both}'
        '<circle cx="{left}" cy="7" r="{radius}"/><circle class="right" cx="{right}" cy="7" r="{radius}"/></svg>'
    ).format(
        state=state, width=width, height=round(width * 14 / 21), both=both if state == "anchored" else "",
        left=left, right=right, radius=radius,
    )  # fmt: skip
