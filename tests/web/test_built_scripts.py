"""What pages load of others: built from locked packages, small enough, and left out where it is not there."""

import gzip
import json
import logging
import re
from importlib import resources
from pathlib import Path

import pytest

from keyuan.web.pages import built

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
BYTES_MAX = {"htmx.js": 17_000, "sse.js": 3_000, "charts.js": 190_000}


def static(name: str) -> str:
    return f"/static/{name}"


@pytest.mark.parametrize("name", built.SCRIPTS)
def test_a_script_is_built_and_small(name: str):
    text = resources.files("keyuan.web").joinpath("pages", "static", "built", name).read_bytes()
    assert len(gzip.compress(text, 6)) <= BYTES_MAX[name]


def test_the_licences_of_what_is_built_travel_with_it():
    text = resources.files("keyuan.web").joinpath("pages", "static", "built", "LICENCES.txt").read_text("utf-8")
    for owner in ("Apache ECharts", "Zero-Clause BSD", "Baidu"):
        assert owner in text


def test_the_lock_holds_versions_and_hashes_and_no_address():
    text = (FRONTEND / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert "resolved" not in text
    assert "://" not in text
    assert all(entry.get("version") and entry.get("integrity") for name, entry in packages.items() if name)


def test_nothing_built_and_no_package_is_committed():
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"node_modules/", "src/keyuan/web/pages/static/built/"} <= set(ignored)


def test_where_a_script_is_not_built_the_server_says_once_how_and_pages_leave_it_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    assert re.findall('src="([^"]*)"', built.loader(static)("htmx.js")) == ["/static/built/htmx.js"]

    def only_one(name: str) -> bool:
        return name == "sse.js"

    monkeypatch.setattr(built, "is_built", only_one)
    with caplog.at_level(logging.ERROR):
        built.tell_missing()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "htmx.js, charts.js were not built: run `make pages`" in caplog.text
    assert str(built.loader(static)("htmx.js", "sse.js")).count("<script") == 1
