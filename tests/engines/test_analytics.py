"""DuckDB answers from the tables it is given, and from nothing else."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from keyuan.engines.analytics import Analytics, Table, TableBuilder
from keyuan.kernel.errors import EngineError


@pytest.fixture
def analytics() -> Iterator[Analytics]:
    with Analytics(memory_max_mb=128) as analytics:
        yield analytics


def people(rows: int) -> Table:
    table = TableBuilder({"person": "uuid", "seq": "int64", "name": "text"}, chunk_rows=7)
    for seq in range(rows):
        table.add(UUID(int=seq).bytes, seq, None if seq % 2 else "茶")
    table.extend([UUID(int=rows).bytes], [rows], ["last"])
    return table.table()


def test_rows_come_back_with_their_types(analytics: Analytics):
    found = analytics.rows("SELECT * FROM people WHERE seq >= $least ORDER BY seq", {"people": people(20)}, least=18)
    assert found == [
        (UUID(int=18).bytes, 18, "茶"),
        (UUID(int=19).bytes, 19, None),
        (UUID(int=20).bytes, 20, "last"),
    ]


def test_an_empty_table_is_a_table(analytics: Analytics):
    empty = TableBuilder({"seq": "int64"}).table()
    assert analytics.rows("SELECT count(*), sum(seq) FROM nothing", {"nothing": empty}) == [(0, None)]


def test_a_table_is_gone_after_its_question(analytics: Analytics):
    assert analytics.rows("SELECT count(*) FROM people", {"people": people(3)}) == [(4,)]
    with pytest.raises(EngineError):
        analytics.rows("SELECT count(*) FROM people", {})


def test_no_statement_reaches_a_file_or_the_configuration(analytics: Analytics, tmp_path: Path):
    file = tmp_path / "secret.csv"
    file.write_text("a,b\n1,2\n")
    for statement in (
        f"SELECT * FROM read_csv('{file}')",
        f"SELECT * FROM '{file}'",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'out.duckdb'}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(EngineError):
            analytics.rows(statement, {})
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_a_question_that_needs_too_much_memory_is_refused(analytics: Analytics):
    with pytest.raises(EngineError):
        analytics.rows("SELECT list(i) FROM range(100000000) AS r (i)", {})
