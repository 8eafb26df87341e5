"""The mapping file: what it says wrong is said back, with its place, before any row is read."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyuan.events.mapping import MappingError, load_mapping, parse_mapping
from keyuan.events.mapping.load import instant_us
from keyuan.events.mapping.plan import columns_wanted, plan_source, templates, unused_columns
from keyuan.flows.import_file import shipped_mapping
from keyuan.kernel.clock import from_us

GOOD = """
name = "till"
end = 2026-01-01T00:00:00Z
[[source]]
file = "visits"
kind = "track"
event = "Visited"
user_id = "member:{member}"
message_id = "visit:{@row}"
time = { column = "at" }
[source.fields]
shop = "shop"
"""
FILES = {"visits": {"member": "BIGINT", "at": "TIMESTAMP", "shop": "VARCHAR", "mood": "VARCHAR"}}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "till"', "name = till", "not valid TOML"),
        ('name = "till"', 'name = "Till 1"', r"\$\.name"),
        ('name = "till"', 'name = "till"\ncolour = 1', "unknown field `colour`"),
        ('kind = "track"', 'kind = "page"', r"'page' - at `\$\.source\[0\]\.kind`"),
        ('event = "Visited"', "", "a track source needs the name of its event"),
        ('kind = "track"', 'kind = "identify"', "an identify source has neither event nor lines"),
        ('user_id = "member:{member}"', "", "user_id or anonymous_id must be given"),
        ('message_id = "visit:{@row}"', "", "missing required field `message_id`"),
        ('time = { column = "at" }', "time = {}", "time needs either column or constant"),
        ('{ column = "at" }', '{ column = "at", pattern = "%d", unit = "s" }', "a pattern or a unit, not both"),
        ('{ column = "at" }', '{ column = "at", zone = "Mars/Base" }', "no time zone 'Mars/Base'"),
        ('{ column = "at" }', '{ constant = 2026-01-01, unit = "s" }', "got `date`"),
        ('shop = "shop"', 'shop = { column = "shop", constant = 1 }', "field shop needs exactly one of"),
        ('shop = "shop"', 'shop = { sum = "shop", as = "money" }', "a sum adds the rows of a group"),
        ('shop = "shop"', 'shop = { column = "shop", as = "float" }', "'float'"),
        ('event = "Visited"', 'event = "V"\nlines = { fields = { a = "b" } }', "lines need group_by"),
        ('event = "Visited"', 'event = "V"\njoin = [{ file = "visits", on = "x" }]', "a file can be joined only once"),
        ("end = 2026-01-01T00:00:00Z", 'end = "soon"', r"\$\.end"),
    ],
)
def test_a_mistake_is_said_with_its_place(old: str, new: str, says: str):
    assert old in GOOD
    with pytest.raises(MappingError, match=says):
        parse_mapping(GOOD.replace(old, new))


@pytest.mark.parametrize("template", ["a:{", "a:{}", "a:{member!r}", "a:{member:>4}"])
def test_a_template_holds_names_of_columns_only(template: str):
    mapping = parse_mapping(GOOD.replace("visit:{@row}", template))
    with pytest.raises(MappingError, match="the template"):
        templates(mapping.source[0])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(MappingError, match=r"nothing\.toml cannot be read"):
        load_mapping(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(MappingError, match="is not UTF-8"):
        load_mapping(tmp_path / "latin.toml")
    (tmp_path / "bad.toml").write_text("name = 1")
    with pytest.raises(MappingError, match=r"^bad\.toml: "):
        load_mapping(tmp_path / "bad.toml")


def test_the_columns_that_nobody_asks_for_are_named():
    mapping = parse_mapping(GOOD)
    assert columns_wanted(mapping) == {"visits": {"member", "at", "shop"}}
    assert unused_columns(mapping, FILES) == {"visits": ["mood"]}


@pytest.mark.parametrize(
    ("column", "says"),
    [("shop_id", "visits has no column shop_id; it has shop"), ("zzzz", "it has at, member, mood, shop")],
)
def test_an_unknown_column_is_answered_with_near_ones(column: str, says: str):
    with pytest.raises(MappingError, match=says):
        plan_source(parse_mapping(GOOD.replace('shop = "shop"', f'shop = "{column}"')), 0, FILES)


def test_an_instant_without_a_zone_is_of_the_zone_of_the_mapping():
    naive = datetime(2026, 3, 1, 8)  # noqa: DTZ001  # as TOML gives a local time
    assert from_us(instant_us(naive, "Asia/Shanghai")) == datetime(2026, 3, 1, tzinfo=UTC)
    assert from_us(instant_us(naive.replace(tzinfo=UTC), "Asia/Shanghai")) == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_an_end_without_a_zone_is_of_the_zone_of_the_mapping():
    mapping = parse_mapping('zone = "Asia/Shanghai"\n' + GOOD.replace("T00:00:00Z", "T00:00:00"))
    assert mapping.end == datetime(2025, 12, 31, 16, tzinfo=UTC)


def test_the_shipped_mapping_ends_where_the_data_does():
    assert shipped_mapping("complete_journey").end == datetime(2018, 1, 2, tzinfo=UTC)
