"""Rows are read strictly: typed by all of them, or refused with line and column."""

import os
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from keyuan.segments.rules import ColumnType, RowsError, read_rows
from keyuan.segments.rules import rows as rows_module


def _refusal(body: bytes) -> RowsError:
    with pytest.raises(RowsError) as caught:
        read_rows(body)
    return caught.value


def test_types_come_from_all_rows_and_a_missing_key_is_null():
    table = read_rows(b'{"a": 1, "e": null}\n{"b": "x", "t": []}\n{"f": true, "a": null, "t": ["x", "y"]}\n{}\n')
    assert table.columns == {
        "a": ColumnType.INTEGER,
        "e": ColumnType.UNKNOWN,
        "b": ColumnType.TEXT,
        "t": ColumnType.TEXTS,
        "f": ColumnType.BOOLEAN,
    }
    assert table.rows == [
        (1, None, None, None, None),
        (None, None, "x", (), None),
        (None, None, None, ("x", "y"), True),
        (None,) * 5,
    ]


def test_whole_numbers_and_decimals_together_are_decimal():
    table = read_rows(b'{"a": 1}\n{"a": 2.50}\n{"a": null}\n{"a": -3}')
    assert table.columns == {"a": ColumnType.DECIMAL}
    assert [repr(value) for (value,) in table.rows] == ["Decimal('1')", "Decimal('2.5')", "None", "Decimal('-3')"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", "0.1"),
        ("1e2", "100"),
        ("1E-4", "0.0001"),
        ("-0.0", "0"),
        ("0e99999", "0"),
        ("1.00000000", "1"),
        ("99999999999999.9999", "99999999999999.9999"),
        ("-99999999999999.9999", "-99999999999999.9999"),
        ("0.10000000000000000000000000000", "0.1"),
        ("12300e-2", "123"),
    ],
)
def test_a_number_with_a_fraction_or_exponent_is_exact(text: str, value: str):
    table = read_rows(f'{{"a": {text}}}'.encode())
    assert table.columns == {"a": ColumnType.DECIMAL}
    assert str(table.rows[0][0]) == value


def test_the_ends_of_int64_are_whole_numbers():
    table = read_rows(b'{"a": 9223372036854775807}\n{"a": -9223372036854775808}\n{"a": -0}')
    assert table.rows == [(2**63 - 1,), (-(2**63),), (0,)]


def test_text_may_be_anything_that_can_be_written():
    table = read_rows('{"a": "客\\ud83d\\ude00\\u0001", "客 户": "\u2028"}\r\n{"a": ""}'.encode())
    assert table.rows == [("客😀\x01", "\u2028"), ("", None)]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\n \n\t\n"])
def test_a_file_may_end_with_line_ends(end: bytes):
    assert read_rows(b'{"a": 1}\n{"a": 2}' + end).rows == [(1,), (2,)]


def test_zeros_at_the_end_of_a_fraction_do_not_count_however_many():
    assert read_rows(b'{"a": 1.5' + b"0" * 200 + b"}").rows == [(Decimal("1.5"),)]
    assert "14 digits" in _refusal(b'{"a": 1.' + b"0" * 200 + b"1}").message


@pytest.mark.parametrize(
    ("body", "words", "line", "column"),
    [
        (b"", "no rows", None, None),
        (b" \n \n", "no rows", None, None),
        (b"\xef\xbb\xbf{}", "byte order mark", None, None),
        (b"{}\n\n{}", "blank", 2, None),
        (b"\n{}", "blank", 1, None),
        (b"{}\n[1]", "not an object", 2, None),
        (b'{}\n"x"', "not an object", 2, None),
        (b"{}\nnull", "not an object", 2, None),
        (b"{}\n3", "not an object", 2, None),
        (b"{}\nNaN", "not an object", 2, None),
        (b"{}\n{", "not JSON", 2, None),
        (b'{}\n{"a": 1} {"a": 2}', "not JSON", 2, None),
        (b"{}\n{'a': 1}", "not JSON", 2, None),
        (b'{}\n{"a": 1,}', "not JSON", 2, None),
        (b'{}\n{"a": 01}', "not JSON", 2, None),
        (b'{}\n{"a": "x\ty"}', "not JSON", 2, None),
        (b'[{"a": 1},\n{"a": 2}]', "not JSON", 1, None),
        (b'{}\n{"a": "\xff"}', "not UTF-8", 2, None),
        (b'{}\n{"a": "\xed\xa0\x80"}', "not UTF-8", 2, None),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8", 1, None),
        (b'{"a": 1, "a": 1}', "twice", 1, None),
        (b'{"": 1}', "needs a name", 1, None),
        (b'{"a\\u0000": 1}', "NUL", 1, None),
        (b'{"\\ud800": 1}', "surrogate", 1, None),
        (b'{"' + b"x" * 201 + b'": 1}', "200 characters", 1, None),
        (b'{"a": {}}', "not an object", 1, "a"),
        (b'{"a": {"b": 1}}', "not an object", 1, "a"),
        (b'{"a": NaN}', "NaN is not a number", 1, "a"),
        (b'{"a": -Infinity}', "Infinity is not a number", 1, "a"),
        (b'{"a": ["x", null]}', "only text", 1, "a"),
        (b'{"a": [1]}', "only text", 1, "a"),
        (b'{"a": [["x"]]}', "only text", 1, "a"),
        (b'{"a": [NaN]}', "only text", 1, "a"),
        (b'{"a": "x\\u0000"}', "NUL", 1, "a"),
        (b'{"a": ["\\u0000"]}', "NUL", 1, "a"),
        (b'{"a": "\\udc00"}', "surrogate", 1, "a"),
        (b'{"a": ["\\ud83d"]}', "surrogate", 1, "a"),
        (b'{}\n{"a": 9223372036854775808}', "2^63", 2, "a"),
        (b'{"a": -9223372036854775809}', "2^63", 1, "a"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "2^63", 1, "a"),
        (b'{"a": 0.00001}', "14 digits", 1, "a"),
        (b'{"a": 123456789012345.0}', "14 digits", 1, "a"),
        (b'{"a": 1e14}', "14 digits", 1, "a"),
        (b'{"a": 1e400}', "14 digits", 1, "a"),
        (b'{"a": 1e-999999999999}', "14 digits", 1, "a"),
        (b'{"a": 1}\n{"a": 100000000000000}\n{"a": 0.5}', "14 digits", 2, "a"),
        (b'{"a": 0.5}\n{"a": -100000000000000}', "14 digits", 2, "a"),
        (b'{"a": 1}\n{"a": "x"}', "whole number", 2, "a"),
        (b'{"a": 1}\n{"a": true}', "boolean", 2, "a"),
        (b'{"a": 0.5}\n{"a": false}', "boolean", 2, "a"),
        (b'{"a": "x"}\n{"a": ["x"]}', "list of text", 2, "a"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nests too deeply", 1, None),
    ],
)
def test_any_other_file_is_refused_with_its_place(body: bytes, words: str, line: int | None, column: str | None):
    error = _refusal(body)
    assert words in error.message
    assert (error.facts.get("line"), error.facts.get("column")) == (line, column)


def test_a_refusal_never_repeats_a_value():
    assert "Zhang" not in str(_refusal(b'{"name": 1}\n{"name": "Zhang"}'))


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n' * 10)
    assert len(read_rows(path).rows) == 10
    monkeypatch.setattr(rows_module, "FILE_BYTES_MAX", 50)
    with pytest.raises(RowsError, match="split it"):
        read_rows(path)
    monkeypatch.undo()
    monkeypatch.setattr(rows_module, "CELLS_MAX", 5)
    with pytest.raises(RowsError, match="cells"):
        read_rows(path)
    many = b"{" + b",".join(b'"c%d": 1' % number for number in range(1001)) + b"}"
    assert "1000 columns" in _refusal(many).message
    assert "bytes" in _refusal(b'{"a": "' + b"x" * 2**20 + b'"}').message


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path):
    with pytest.raises(RowsError, match="There is no file"):
        read_rows(tmp_path / "none.jsonl")
    with pytest.raises(RowsError, match="There is no file"):
        read_rows(tmp_path)


def test_rows_may_come_through_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b'{"a": 1}\n',))
    writer.start()
    assert read_rows(pipe).rows == [(1,)]
    writer.join()


def test_decimals_keep_their_value_whatever_the_context_says():
    table = read_rows(b'{"a": 12345678901234.5678}')
    assert table.rows == [(Decimal("12345678901234.5678"),)]
