"""Files of users: CSV, JSON Lines and Parquet give the same events, and a broken row costs only itself."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyuan.engines.files import FileError
from keyuan.events.mapping import Made, Mapping, MappingError, parse_mapping
from keyuan.flows.import_plan import import_plan

ORDERS = """
name = "shop"
currency = "CNY"
[[source]]
file = "orders"
kind = "track"
event = "Order Completed"
group_by = "order"
time = { column = "paid_at", zone = "Asia/Shanghai" }
user_id = "customer:{customer}"
message_id = "order:{order}"
[source.fields]
order_id = { column = "order", as = "text" }
total_minor = { sum = "amount", as = "money" }
[source.lines.fields]
product_id = { column = "product", as = "text" }
quantity = { column = "pieces", as = "integer" }
total_minor = { column = "amount", as = "money" }
"""
HEADER = "order,customer,product,pieces,amount,paid_at\n"
ROWS = HEADER + (
    "a1,7,tea,2,12.50,2026-03-01 08:00:00\n"
    'a1,7,"cup, ""blue""",1,30,2026-03-01 08:00:00\n'
    "a2,8,茶,1,0.05,2026-03-01T09:00:00+09:00\n"
)
MAPPING = parse_mapping(ORDERS)


def made(mapping: Mapping, *where: Path) -> list[Made]:
    with import_plan(mapping, where) as ready:
        found = list(ready.stream())
        assert len(found) == ready.total
        return found


def from_csv(folder: Path, text: str | bytes, mapping: Mapping = MAPPING, name: str = "orders.csv") -> list[Made]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return made(mapping, path)


def refusals(found: list[Made]) -> list[tuple[str, str]]:
    return [(str(each.refusal.reason), each.refusal.detail) for each in found if each.refusal is not None]


def orders(found: list[Made]) -> list[str]:
    return [json.loads(each.body)["properties"]["order_id"] for each in found if each.refusal is None]


def test_the_lines_of_a_csv_become_orders(tmp_path: Path):
    second, first = from_csv(tmp_path, ROWS)[::-1]
    assert json.loads(first.body) == {
        "type": "track",
        "event": "Order Completed",
        "messageId": "order:a1",
        "userId": "customer:7",
        "timestamp": "2026-03-01T00:00:00Z",
        "properties": {
            "order_id": "a1",
            "total_minor": 4250,
            "products": [
                {"product_id": "tea", "quantity": 2, "total_minor": 1250},
                {"product_id": 'cup, "blue"', "quantity": 1, "total_minor": 3000},
            ],
        },
    }
    assert json.loads(second.body)["timestamp"] == "2026-03-01T00:00:00Z"
    assert json.loads(second.body)["properties"]["products"][0]["product_id"] == "茶"


def test_csv_json_lines_and_parquet_give_the_same_bytes(tmp_path: Path):
    from_text = from_csv(tmp_path, ROWS)
    rows = duckdb.connect().sql(f"SELECT * FROM read_csv('{tmp_path}/orders.csv', all_varchar = true)")
    lines = [json.dumps(dict(zip(rows.columns, row, strict=True)), ensure_ascii=False) for row in rows.fetchall()]
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert made(MAPPING, path) == from_text
    duckdb.connect().sql(
        "SELECT * REPLACE (customer::TINYINT AS customer, pieces::UINTEGER AS pieces, amount::DECIMAL(9, 2) AS amount,"
        " CASE WHEN \"order\" = 'a1' THEN paid_at ELSE '2026-03-01 08:00:00' END::TIMESTAMP AS paid_at)"
        f" FROM read_csv('{tmp_path}/orders.csv', all_varchar = true)"
    ).to_parquet(str(tmp_path / "orders.parquet"))
    assert made(MAPPING, tmp_path / "orders.parquet") == from_text


def test_a_json_number_is_read_from_its_text(tmp_path: Path):
    path = tmp_path / "orders.jsonl"
    row = '{"order":1,"customer":7,"product":"tea","pieces":1,"amount":%s,"paid_at":"2026-03-01"}\n'
    path.write_text(row % "90071992547409.91" + row.replace('"order":1', '"order":2') % "0.30000000000000004")
    found = made(MAPPING, path)
    assert b'"total_minor":9007199254740991' in found[0].body
    assert refusals(found)[0][0] == "bad-amount"


def test_rows_in_any_order_come_out_by_time_and_key(tmp_path: Path):
    shuffled = HEADER + "b,1,x,1,1,2026-03-02\na,1,x,1,1,2026-03-02\nc,1,x,1,1,2026-03-01\nb,1,y,1,1,2026-03-02\n"
    assert orders(from_csv(tmp_path, shuffled)) == ["c", "a", "b"]


def test_lines_with_times_of_their_own_are_one_order_at_the_first(tmp_path: Path):
    found = from_csv(tmp_path, HEADER + "a,1,x,1,1,2026-03-03\nb,1,x,1,1,2026-03-02\na,1,y,1,2,2026-03-01\n")
    assert orders(found) == ["a", "b"]
    assert json.loads(found[0].body)["properties"]["total_minor"] == 300


@pytest.mark.parametrize(
    ("row", "reason", "says"),
    [
        ("x,7,tea,1,NaN,2026-03-01", "bad-amount", "amount is refused"),
        ("x,7,tea,1,inf,2026-03-01", "bad-amount", "amount is refused"),
        ("x,7,tea,1,-1.00,2026-03-01", "negative-amount", "amount is negative"),
        ("x,7,tea,1,1.005,2026-03-01", "bad-amount", "finer than the minor unit"),
        ("x,7,tea,1,,2026-03-01", "bad-amount", "a sum without it would be wrong"),
        ("x,7,tea,1,99999999999999999,2026-03-01", "bad-amount", "too large"),
        ("x,7,tea,one,1,2026-03-01", "bad-number", "pieces is not a whole number"),
        ("x,7,tea,1.5,1,2026-03-01", "bad-number", "pieces is not a whole number"),
        ("x,7,tea,1,1,yesterday", "bad-time", "the time paid_at cannot be read"),
        ("x,7,tea,1,1,2026-02-30", "bad-time", "the time paid_at cannot be read"),
        ("x,7,tea,1,1,", "bad-time", "the time paid_at cannot be read"),
        (",7,tea,1,1,2026-03-01", "bad-properties", "order is missing"),
        ("x,,tea,1,1,2026-03-01", "no-sender", "customer is missing"),
        ("x,7,tea,1,1", "malformed", "5 fields where the header has 6"),
        ('x,7,"tea"x,1,1,2026-03-01', "malformed", "broken quoting"),
    ],
)
def test_a_bad_row_goes_to_quarantine_and_nothing_else_is_lost(tmp_path: Path, row: str, reason: str, says: str):
    found = from_csv(tmp_path, ROWS + row + "\nz9,7,tea,1,1,2026-03-05\n")
    assert orders(found) == ["a1", "a2", "z9"]
    ((why, detail),) = refusals(found)
    assert why == reason
    assert says in detail
    assert "5" in detail  # the line of the file


def test_one_bad_line_refuses_its_whole_order(tmp_path: Path):
    found = from_csv(tmp_path, ROWS + "a1,7,spoon,1,NaN,2026-03-01 08:00:00\n")
    assert orders(found) == ["a2"]
    assert refusals(found) == [
        ("bad-amount", "orders, row 5: total_minor: amount is refused: An amount must be a finite decimal number.")
    ]


def test_an_order_of_two_customers_is_refused(tmp_path: Path):
    found = from_csv(tmp_path, ROWS + "a1,9,spoon,1,1,2026-03-01 08:00:00\n")
    assert orders(found) == ["a2"]
    assert refusals(found)[0][1].endswith("the rows of one order differ in customer.")


def test_a_refusal_keeps_the_sender_but_can_never_pass_the_gate(tmp_path: Path):
    *_, bad = from_csv(tmp_path, ROWS + "x,7,tea,1,-1,2026-03-09\n")
    event = json.loads(bad.body)
    assert (event["userId"], event["messageId"], event["type"]) == ("customer:7", "order:x", "row")
    assert event["columns"]["orders.amount"] == "-1"


def test_an_unclosed_quote_costs_one_line(tmp_path: Path):
    found = from_csv(tmp_path, HEADER + 'x,7,"tea,1,1,2026-03-01\n' + ROWS.removeprefix(HEADER))
    assert orders(found) == ["a1", "a2"]
    assert [reason for reason, _ in refusals(found)] == ["malformed"]


def test_bytes_of_another_encoding_cost_their_line_unless_the_mapping_names_it(tmp_path: Path):
    rows = (ROWS + "a3,8,碗,1,1,2026-03-09\n").encode("gb18030")
    found = from_csv(tmp_path, rows)
    assert orders(found) == ["a1"]
    assert [reason for reason, _ in refusals(found)] == ["malformed", "malformed"]
    named = parse_mapping(ORDERS.replace('file = "orders"', 'file = "orders"\nencoding = "gb18030"'))
    assert orders(from_csv(tmp_path, rows, named)) == ["a1", "a2", "a3"]


def test_a_broken_line_of_json_is_quarantined_with_its_number(tmp_path: Path):
    row = {"order": "a", "customer": "7", "product": "x", "pieces": 1, "amount": "1.00", "paid_at": "2026-03-01"}
    path = tmp_path / "orders.jsonl"
    path.write_text(json.dumps(row) + '\n{"order": "b", \n\n[1]\n' + json.dumps(row | {"order": "c"}) + "\n")
    found = made(MAPPING, path)
    assert orders(found) == ["a", "c"]
    assert [detail.split(":")[0] for _, detail in refusals(found)] == ["orders, line 2", "orders, line 4"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("orders.csv", b"", "is empty"),
        ("orders.csv", b"\xef\xbb\xbf", "empty; its first line must name the columns"),
        ("orders.csv", HEADER.encode(), "There are no rows to import"),
        ("orders.csv", b"order,order\n", "name each column once"),
        ("orders.parquet", b"not a parquet file", "cannot be read as parquet"),
        ("orders.xlsx", b"PK", "the ending must be one of"),
    ],
)
def test_a_file_that_is_not_one_is_refused(tmp_path: Path, name: str, content: bytes, says: str):
    with pytest.raises(FileError, match=says):
        from_csv(tmp_path, content, name=name)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(FileError, match="There is no file or folder"):
        made(MAPPING, tmp_path / "nowhere")
    with pytest.raises(FileError, match="names the file orders, but there is none"):
        made(MAPPING, tmp_path)


def test_an_unknown_column_is_named_with_near_ones(tmp_path: Path):
    with pytest.raises(MappingError, match="orders has no column paid_at; it has paid_on"):
        from_csv(tmp_path, ROWS.replace("paid_at", "paid_on"))


def test_a_column_of_lists_cannot_be_mapped(tmp_path: Path):
    path = tmp_path / "orders.parquet"
    duckdb.connect().sql(
        "SELECT 'a' AS \"order\", 7 AS customer, ['x'] AS product, 1 AS pieces, 1.0 AS amount, now() AS paid_at"
    ).to_parquet(str(path))
    with pytest.raises(MappingError, match=r"the column product holds VARCHAR\[\]"):
        made(MAPPING, path)


def test_a_lookup_that_names_a_key_twice_is_refused(tmp_path: Path):
    (tmp_path / "orders.csv").write_text(ROWS)
    (tmp_path / "goods.csv").write_text("product,kind\ntea,hot\ntea,cold\n")
    joined = ORDERS.replace("[source.fields]", 'join = [{ file = "goods", on = "product" }]\n[source.fields]')
    with pytest.raises(MappingError, match="goods holds product = tea more than once"):
        made(parse_mapping(joined + 'category = "goods.kind"\n'), tmp_path)


def test_a_lookup_by_text_finds_numbers_of_parquet(tmp_path: Path):
    (tmp_path / "goods.csv").write_text("id,kind\n12,hot\n")
    duckdb.connect().sql(
        "SELECT 'a' AS \"order\", 7 AS customer, unnest([12, 13]) AS product, 1 AS pieces, 0.1 + 0.2 AS amount,"
        " DATE '2026-03-01' AS paid_at"
    ).to_parquet(str(tmp_path / "orders.parquet"))
    joined = ORDERS.replace("[source.fields]", 'join = [{ file = "goods", on = { product = "id" } }]\n[source.fields]')
    (found,) = made(parse_mapping(joined + 'category = "goods.kind"\n'), tmp_path)
    lines = json.loads(found.body)["properties"]["products"]
    assert [line.get("category") for line in lines] == ["hot", None]
    assert found.time_us == int(datetime(2026, 2, 28, 16, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("time", "written", "read"),
    [
        ('column = "at"', "2026-03-29 02:30:00", "2026-03-29T02:30:00Z"),
        ('column = "at", zone = "Europe/Berlin"', "2026-07-01 12:00", "2026-07-01T10:00:00Z"),
        ('column = "at", zone = "Europe/Berlin"', "2026-01-01 12:00", "2026-01-01T11:00:00Z"),
        ('column = "at", zone = "Europe/Berlin"', "2026-01-01T12:00:00+08:00", "2026-01-01T04:00:00Z"),
        ('column = "at", zone = "Asia/Shanghai"', "2026-01-01T12:00:00.250Z", "2026-01-01T12:00:00.250000Z"),
        ('column = "at", pattern = "%d.%m.%Y %H:%M"', "31.01.2026 07:05", "2026-01-31T07:05:00Z"),
        ('column = "at", pattern = "%Y%m%d", zone = "Asia/Shanghai"', "20260131", "2026-01-30T16:00:00Z"),
        ('column = "at", unit = "s"', "1769904000", "2026-02-01T00:00:00Z"),
        ('column = "at", unit = "ms"', "1769904000123", "2026-02-01T00:00:00.123000Z"),
        ('column = "at", unit = "us"', "-1", "1969-12-31T23:59:59.999999Z"),
        ("constant = 2026-02-01T08:00:00+08:00", "whenever", "2026-02-01T00:00:00Z"),
    ],
)
def test_a_time_is_read_as_the_mapping_says(tmp_path: Path, time: str, written: str, read: str):
    found = from_csv(tmp_path, f"who,at\n1,{written}\n", visits(time), "visits.csv")
    assert json.loads(found[0].body)["timestamp"] == read


@pytest.mark.parametrize(
    ("time", "written"),
    [
        ('column = "at", pattern = "%d.%m.%Y"', "2026-01-31"),
        ('column = "at", unit = "s"', "99999999999999999999"),
        ('column = "at", unit = "s"', "9999999999999"),
        ('column = "at"', "infinity"),
        ('column = "at"', "290000-01-01"),
        ('column = "at"', "0044-03-15 (BC)"),
        ('column = "at"', "1769904000"),
    ],
)
def test_a_time_that_no_calendar_holds_is_refused(tmp_path: Path, time: str, written: str):
    found = from_csv(tmp_path, f"who,at\n1,{written}\n2,2026-01-31\n", visits(time), "visits.csv")
    assert "bad-time" in {reason for reason, _ in refusals(found)}


def visits(time: str, fields: str = "{}") -> Mapping:
    return parse_mapping(
        'name = "visits"\n[[source]]\nfile = "visits"\nkind = "track"\nevent = "Visited"\nuser_id = "member:{who}"\n'
        f'message_id = "visit:{{who}}:{{@row}}"\ntime = {{ {time} }}\nfields = {fields}\n'
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("7::UTINYINT", 7),
        ("9223372036854775807", 9223372036854775807),
        ("18446744073709551615::UBIGINT", 18446744073709551615),
        ("1.50::DECIMAL(9,2)", 1.50),
        ("0.5::FLOAT", 0.5),
        ("true", True),
        ("'x'::VARCHAR", "x"),
        ("DATE '2026-03-01'", "2026-03-01"),
        ("TIMESTAMP '2026-03-01 08:00'", "2026-03-01T08:00:00"),
        ("TIMESTAMP_NS '2026-03-01 08:00'", "2026-03-01T08:00:00"),
        ("TIME '08:00'", "08:00:00"),
        ("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("'a'::ENUM('a', 'b')", "a"),
    ],
)
def test_a_column_of_any_plain_type_can_be_mapped(tmp_path: Path, value: str, shown: object):
    path = tmp_path / "visits.parquet"
    duckdb.connect().sql(f"SELECT 1 AS who, {value} AS extra, DATE '2026-03-01' AS at").to_parquet(str(path))
    (found,) = made(visits('column = "at"', '{ extra = "extra" }'), path)
    assert json.loads(found.body)["properties"] == {"extra": shown}


@given(st.lists(st.text(st.characters(exclude_characters='\r\n"', exclude_categories=["Cs"])), max_size=6))
@settings(max_examples=40, deadline=None)
def test_no_rubbish_between_rows_costs_a_row(tmp_path_factory: pytest.TempPathFactory, rubbish: list[str]):
    folder = tmp_path_factory.mktemp("rubbish")
    rows = [f"o{number},7,tea,1,1.00,2026-03-01" for number in range(len(rubbish) + 1)]
    mixed = [line for pair in zip(rows, [*rubbish, ""], strict=True) for line in pair]
    found = from_csv(folder, HEADER + "\n".join(mixed) + "\n")
    assert {f"o{number}" for number in range(len(rows))} <= set(orders(found))


def test_groups_are_whole_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("keyuan.engines.files.workspace.CHUNK_ROWS", 2_048)
    rows = [f"o{number % 5},1,p{number},1,{Decimal(number) / 100},2026-03-01\n" for number in range(10_000)]
    found = from_csv(tmp_path, HEADER + "".join(rows))
    totals = [json.loads(each.body)["properties"]["total_minor"] for each in found]
    assert totals == [sum(range(start, 10_000, 5)) for start in range(5)]
