"""The intake over HTTP: what is accepted, what is refused and how, and that an answer means durable."""

import gzip
import json
import zlib
from typing import Any

import httpx
import psycopg

from keyuan.engines.database import Database
from keyuan.events import open_counts, read_after, read_order
from web.serving import Site

TRACK = {"type": "track", "event": "Signed In", "userId": "u1", "messageId": "m1"}


def kinds(database: Database, tenant: int = 1) -> list[str]:
    with database.transaction(tenant) as session:
        return [event.kind for event in read_after(session, 0)]


def reasons(database: Database, tenant: int = 1) -> dict[str, int]:
    with database.transaction(tenant) as session:
        return open_counts(session)


def assert_problem(response: httpx.Response, status: int):
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert response.json()["title"]


def test_a_batch_is_in_the_log_when_it_is_answered(site: Site, superuser: psycopg.Connection[Any]):
    response = site.client.post("/v1/batch", json={"batch": [TRACK, TRACK | {"messageId": "m2"}]})
    rows = superuser.execute("SELECT tenant, kind, source FROM events.log ORDER BY seq").fetchall()
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert rows == [(1, "track", "till"), (1, "track", "till")]


def test_track_and_identify_have_their_own_paths(site: Site, database: Database):
    order = {"order_id": "7", "total_minor": 5, "total": 99}
    event = {"event": "Order Completed", "userId": "u1", "properties": order}
    assert site.client.post("/v1/track", json=event).json() == {"success": True}
    assert site.client.post("/v1/identify", json={"userId": "u1", "traits": {"age": "45-54"}}).status_code == 200
    assert kinds(database) == ["order", "identify"]
    with database.transaction(1) as session:
        assert read_order(read_after(session, 0)[0].body).total_minor == 5


LABELS = (
    {"Content-Encoding": "gzip", "Content-Type": "application/json"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "text/plain"},
)


def test_gzip_is_read_whatever_the_content_type_says(site: Site, database: Database):
    for number, headers in enumerate(LABELS):
        body = gzip.compress(json.dumps({"batch": [TRACK | {"messageId": str(number)}]}).encode())
        assert site.client.post("/v1/batch", content=body, headers=headers).status_code == 200
    assert kinds(database) == ["track"] * len(LABELS)


def test_one_bad_event_does_not_stop_the_others(site: Site, database: Database):
    bad = TRACK | {"messageId": "m2", "userId": ""}
    response = site.client.post("/v1/batch", json={"batch": [bad, TRACK, 5, "x", None, []]})
    assert response.status_code == 200
    assert kinds(database) == ["track"]
    assert reasons(database) == {"bad-sender": 1, "malformed": 4}


def test_an_event_over_32_768_bytes_is_quarantined(site: Site, database: Database):
    large = TRACK | {"messageId": "m2", "properties": {"text": "x" * 32_768}}
    assert site.client.post("/v1/batch", json={"batch": [large, TRACK]}).status_code == 200
    assert (kinds(database), reasons(database)) == (["track"], {"too-large": 1})


NOT_JSON = (b"", b"{", b"batch=1", b'{"batch": [}', b"\x1f\x8b broken", b'{"batch": NaN', b"[[]", b'"\xff"')
NO_BATCH = (b"[]", b"{}", b'{"batch": {}}', b'{"batch": null}', b"17", b"null")
NO_EVENT = (b"[]", b"17", b'"x"', b"null")


def test_a_body_that_is_not_json_is_400(site: Site, database: Database):
    for body in NOT_JSON:
        assert_problem(site.client.post("/v1/batch", content=body), 400)
        assert_problem(site.client.post("/v1/track", content=body), 400)
    for body in NO_BATCH:
        assert_problem(site.client.post("/v1/batch", content=body), 400)
    for body in NO_EVENT:
        assert_problem(site.client.post("/v1/track", content=body), 400)
    assert (kinds(database), reasons(database)) == ([], {})


def test_a_batch_over_512_000_bytes_is_413_and_one_of_that_size_is_taken(site: Site, database: Database):
    head, tail = b'{"batch": [' + json.dumps(TRACK).encode() + b"]", b"}"
    just = head + b" " * (512_000 - len(head) - 1) + tail
    assert site.client.post("/v1/batch", content=just).status_code == 200
    assert_problem(site.client.post("/v1/batch", content=head + b" " * (512_000 - len(head)) + tail), 413)
    assert_problem(site.client.post("/v1/batch", content=gzip.compress(b" " + just)), 413)
    assert kinds(database) == ["track"]


def test_a_large_body_without_a_length_is_413(site: Site):
    assert_problem(site.client.post("/v1/batch", content=(b" " * 65_536 for _ in range(10))), 413)


def test_a_gzip_bomb_is_harmless(site: Site):
    bomb = gzip.compress(bytes(50_000_000))
    headers = {"Content-Encoding": "gzip"}
    assert_problem(site.client.post("/v1/batch", content=bomb, headers=headers), 413)
    assert_problem(site.client.post("/v1/batch", content=gzip.compress(bomb), headers=headers), 400)
    assert_problem(site.client.post("/v1/batch", content=gzip.compress(b"") * 1000, headers=headers), 400)


def test_a_damaged_gzip_body_is_400(site: Site):
    whole = gzip.compress(b'{"batch": []}')
    for body in (whole[:-9], whole[:12], whole[:-8] + bytes(8)):
        assert_problem(site.client.post("/v1/batch", content=body), 400)


def test_gzip_files_that_follow_each_other_are_one_body(site: Site, database: Database):
    whole = json.dumps({"batch": [TRACK]}).encode()
    assert site.client.post("/v1/batch", content=gzip.compress(whole[:9]) + gzip.compress(whole[9:])).status_code == 200
    assert kinds(database) == ["track"]


def test_another_content_encoding_is_415(site: Site):
    body = zlib.compress(b'{"batch": []}')
    assert_problem(site.client.post("/v1/batch", content=body, headers={"Content-Encoding": "deflate"}), 415)


def test_an_unknown_write_key_is_401_with_a_challenge(site: Site, database: Database):
    for start in ("", "x", "wk_1_", "wk_2_", "wk_999_", "wk_0_"):
        response = site.client.post("/v1/batch", json={"batch": [TRACK]}, auth=(start + "a" * 43, ""))
        assert_problem(response, 401)
        assert response.headers["www-authenticate"].startswith("Basic")
    assert kinds(database) == []


def test_a_strange_authorization_header_is_401(site: Site):
    with httpx.Client(base_url=site.client.base_url) as client:
        assert_problem(client.post("/v1/batch", json={"batch": []}), 401)
        for header in ["Bearer abc", "Basic !!!", "Basic", "Basic " + "A" * 5000, "Basic /w=="]:
            assert_problem(client.post("/v1/batch", json={"batch": []}, headers={"Authorization": header}), 401)


def test_a_key_of_one_tenant_writes_to_that_tenant_only(site: Site, database: Database):
    site.client.post("/v1/batch", json={"batch": [TRACK]})
    site.client.post("/v1/batch", json={"batch": [TRACK, {}]}, auth=(site.keys[2], ""))
    moved = site.keys[1].replace("wk_1_", "wk_2_")
    assert_problem(site.client.post("/v1/batch", json={"batch": [TRACK]}, auth=(moved, "")), 401)
    assert (kinds(database, 1), kinds(database, 2)) == (["track"], ["track"])
    assert (reasons(database, 1), reasons(database, 2)) == ({}, {"bad-type": 1})


def test_nan_and_deep_nesting_cost_only_their_own_event(site: Site, database: Database):
    good, odd, deep = (json.dumps(TRACK | {"messageId": name}).encode() for name in ("good", "odd", "deep"))
    odd = odd[:-1] + b', "properties": {"x": NaN}}'
    deep = deep[:-1] + b', "properties": {"x": ' + b"[" * 5000 + b"]" * 5000 + b"}}"
    assert site.client.post("/v1/batch", content=b'{"batch": [' + odd + b", " + good + b"]}").status_code == 200
    body = b'{"sentAt": "x", "batch": [' + deep + b"," + good.replace(b"good", b"better") + b"]}"
    assert site.client.post("/v1/batch", content=body).status_code == 200
    assert (kinds(database), reasons(database)) == (["track", "track"], {"malformed": 1, "too-deep": 1})


def test_half_a_surrogate_pair_costs_only_its_own_event(site: Site, database: Database):
    good, odd = (json.dumps(TRACK | {"messageId": name}).encode() for name in ("good", "odd"))
    odd = odd[:-1] + rb', "properties": {"NaN": "\ud83d"}}'
    assert site.client.post("/v1/batch", content=b'{"batch": [' + odd + b", " + good + b"]}").status_code == 200
    assert site.client.post("/v1/track", content=odd.replace(b"odd", b"single")).status_code == 200
    assert_problem(site.client.post("/v1/track", content=odd[:-2] + b', "x": NaN}}'), 400)
    assert (kinds(database), reasons(database)) == (["track"], {"malformed": 2})


def test_a_batch_of_too_many_events_is_413(site: Site, database: Database):
    assert_problem(site.client.post("/v1/batch", json={"batch": [{}] * 12_501}), 413)
    assert site.client.post("/v1/batch", json={"batch": []}).status_code == 200
    assert reasons(database) == {}


def test_unknown_paths_and_methods_are_problems_too(site: Site):
    assert_problem(site.client.get("/v1/batch"), 405)
    assert_problem(site.client.post("/v1/alias", json={}), 404)


def test_the_process_is_live_and_ready(site: Site):
    assert site.client.get("/livez").json() == {"status": "ok"}
    assert site.client.get("/readyz").json() == {"status": "ok"}


def test_as_many_of_the_smallest_events_as_fit_into_a_body_are_taken(site: Site, database: Database):
    events_sent = 12_000
    body = b'{"batch":[' + b",".join([b'{"type":"track","event":"x","userId":"u"}'] * events_sent) + b"]}"
    assert len(body) < 512_000
    assert site.client.post("/v1/batch", content=body).status_code == 200
    with database.transaction(1) as session:
        assert session.row("SELECT count(*) FROM events.log") == (events_sent,)
