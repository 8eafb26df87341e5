"""Our errors as answers: each kind has its code, none repeats what was sent, and none reaches the server's log."""

import logging

import httpx
import pytest
from pydantic import BaseModel

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.kernel.errors import (
    ConflictError,
    CorruptionError,
    EngineError,
    InputError,
    KeyuanError,
    MissingError,
    RefusedError,
)
from keyuan.web import make_app
from keyuan.web.errors import problem_of
from web.serving import serving

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("say it otherwise"), 400),
        (RefusedError("a rule said no"), 403),
        (MissingError("it is not there"), 404),
        (ConflictError("it was used"), 409),
        (EngineError(CANARY), 503),
        (CorruptionError(CANARY), 500),
        (KeyuanError(CANARY), 500),
    ],
)
def test_each_kind_of_error_has_its_code(error: KeyuanError, status: int):
    response = problem_of(error)
    assert response.status_code == status
    assert CANARY.encode() not in response.body
    assert ("retry-after" in response.headers) == (status == 503)


class Shape(BaseModel):
    number: int


def test_what_nobody_expected_is_500_and_its_message_is_in_no_log(
    database: Database, secrets: Secrets, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    app = make_app(database, secrets)

    def broken() -> None:
        raise ValueError(CANARY)

    def shaped(body: Shape) -> None:
        raise InputError(str(body.number))

    app.add_api_route("/broken", broken, methods=["GET"])
    app.add_api_route("/shaped", shaped, methods=["POST"])
    with serving(app) as address, httpx.Client(base_url=address) as client:
        answers = [
            client.get("/broken"),
            client.post("/shaped", json={"number": CANARY}),
            client.post("/shaped", json={"number": 7}),
            client.get(f"/{CANARY}?q={CANARY}"),
        ]
    assert [answer.status_code for answer in answers] == [500, 422, 400, 404]
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in answers)
    assert all(CANARY not in answer.text for answer in answers)
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert "unexpected ValueError" in caplog.text
    assert not any(CANARY in record.getMessage() for record in ours)
