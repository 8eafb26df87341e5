"""An analysis for people: arms, differences with their intervals, the checks, the verdict.

Names of arms and columns come from files of strangers: control characters are shown as what they are, and nothing in
them is read as mark-up. Where there is no verdict, figures are withheld: whoever sees them believes them.
"""

from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keyuan.experiments.analysis import Analysis, Comparison
from keyuan.experiments.model import Design
from keyuan.experiments.verdict import CHECK_P_MIN, Kind, verdicts

NAME_MAX = 40
_P_SHOWN_MIN = 0.0001


def show(design: Design, analysis: Analysis, language: Literal["en", "zh"]) -> None:
    """Print an analysis on standard output."""
    console = Console(highlight=False)
    judged = verdicts(design, analysis)
    console.print(_arms(design, analysis))
    withheld = all(verdict.kind is Kind.NO_VERDICT for verdict in judged)
    if withheld:
        console.print("\nThe figures are withheld.")
    else:
        console.print(_differences(design, analysis))
        for note in _notes(design, analysis):
            console.print(Text(note))
    console.print(_ratio(analysis))
    for verdict in judged:
        named = f"{_name(verdict.arm)}: " if len(judged) > 1 else ""
        console.print(Text.assemble("\n", named, (verdict.sentence(language), "bold")))


def _arms(design: Design, analysis: Analysis) -> Table:
    table = Table(box=None, title="Arms", title_justify="left")
    for heading, side in (("arm", "left"), ("people", "right"), ("share", "right"), ("expected", "right")):
        table.add_column(heading, justify="right" if side == "right" else "left")
    total = sum(analysis.people.values())
    for arm, people in analysis.people.items():
        role = " (control)" if arm == design.control else ""
        expected = f"{analysis.shares[arm]:.1%}"
        table.add_row(Text(_name(arm) + role), f"{people:,}", f"{people / total:.1%}", expected)
    return table


def _differences(design: Design, analysis: Analysis) -> Table:
    title = "\nPer person, treated − control"
    table = Table(box=None, title=title, title_justify="left")
    table.add_column("metric")
    if len(analysis.people) > 2:  # noqa: PLR2004  # with one treated arm its name says nothing
        table.add_column("arm")
    for heading in ("control", "treated", "difference", _level(analysis), "p"):
        table.add_column(heading, justify="right")
    for metric in design.metrics:
        for seen in analysis.of(metric.column):
            arm = [Text(_name(seen.arm))] if len(analysis.people) > 2 else []  # noqa: PLR2004  # as above
            table.add_row(Text(_name(seen.metric)), *arm, *_cells(seen))
    return table


def _level(analysis: Analysis) -> str:
    return f"{analysis.level:.0%} interval" if len(analysis.people) == 2 else "interval, together 95%"  # noqa: PLR2004  # as above


def _cells(seen: Comparison) -> tuple[str, ...]:
    interval = "—" if seen.interval is None else f"{_signed(seen.interval[0])} to {_signed(seen.interval[1])}"
    return (_plain(seen.means[0]), _plain(seen.means[1]), _signed(seen.difference), interval, _p(seen.p))


def _notes(design: Design, analysis: Analysis) -> list[str]:
    """Say what was left out and what the covariate did."""
    notes: list[str] = []
    for metric in design.metrics:
        for seen in analysis.of(metric.column):
            people = analysis.people[design.control] + analysis.people[seen.arm]
            missing = people - sum(seen.known)
            if missing:
                notes.append(
                    f"{_name(metric.column)}: {missing:,} of {people:,} people have no value and are left out."
                )
            if seen.too_skewed:
                few = f"{min(seen.known):,} people are few for values as skewed as these"
                notes.append(f"{_name(metric.column)}: {few}, {seen.people_wanted:,} an arm would be enough.")
            if metric.covariate is not None:
                share = f"{1 - seen.variance_left:.0%}"
                notes.append(f"{_name(metric.column)}: {_name(metric.covariate)} explains {share} of the variance.")
    return notes


def _ratio(analysis: Analysis) -> Text:
    good = analysis.srm_p >= CHECK_P_MIN
    told = "no sign that the split is off" if good else f"the split is off (below {CHECK_P_MIN})"
    return Text.assemble("Sample ratio: p ", _p(analysis.srm_p), ", ", (told, "" if good else "bold"))


def _name(text: str) -> str:
    """Return a name that moves no cursor and changes no colour."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    return shown if len(shown) <= NAME_MAX else shown[: NAME_MAX - 1] + "…"


def _plain(value: float) -> str:
    return f"{value:,.4g}".replace("-", "−") if abs(value) < 10_000 else f"{value:,.0f}".replace("-", "−")  # noqa: PLR2004  # where four digits end


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + _plain(value)


def _p(value: float | None) -> str:
    if value is None:
        return "—"
    return f"< {_P_SHOWN_MIN:.4f}" if value < _P_SHOWN_MIN else f"{value:.4f}"
