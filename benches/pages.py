"""How soon a page shows something, and what it weighs: every page in Chromium, against an empty one of the same server.

The server is the real one, in a process of its own, on the data of the demo: the whole year, `--quick` the 300
households of the tests, `--data DIR` what lies there already. Each visit begins with an empty cache, in a window that
stands already: opening one costs Chromium as much as a page does, and a visitor has hers. What Chromium does there for
itself (translation, the panel of its address bar) is off. `first_paint_ms` is the median of a page's visits by
Chromium's own paint timing (first contentful paint, from the beginning of the navigation); visits to the empty page lie
between them. Bytes are those that went over the wire, headers included. The charts of insight are not waited for: they
are drawn after the page can be read.

`python -m benches.pages --json` prints one object: `value` the first paint of the slowest page, `baseline` that of the
empty one, their `ratio`, the `limit` of the value; `pages` with theirs; and `broken`, the limits that do not hold.
"""

import argparse
import gc
import json
import multiprocessing
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from tests.web.pages_seen import PAGES, Seen

from keyuan import staff
from keyuan.app.demo import story
from keyuan.app.faces import wallet_face
from keyuan.app.installation import Installation, attached, opened
from keyuan.app.workers import tune
from keyuan.kernel.clock import system_now
from keyuan.kernel.config import load_settings
from keyuan.kernel.ids import new_id
from keyuan.profiles import store as portraits
from keyuan.web import make_app, make_server

SAMPLE: Final = Path("tests/data/completejourney_sample")
ROUNDS: Final = 5
EMPTY: Final = "/empty"
FIRST_PAINT_MS: Final = 300
CONSOLE: Final = {"html": 30_000, "css": 12_000, "htmx": 20_000, "charts": 190_000, "image": 6_000}
WALLET: Final = {"total": 60_000, "script": 20_000, "css": 12_000, "image": 6_000}
_KINDS: Final = {"Document": "html", "Stylesheet": "css", "Script": "script", "Image": "image"}
WINDOW_MS: Final = 500
_OFF: Final = "--disable-features=Translate,WebUIOmniboxPopup,WebUIOmniboxAimPopup"
_FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", _OFF]
_PAINT: Final = "performance.getEntriesByName('first-contentful-paint').map((each) => each.startTime)[0] ?? null"


@dataclass(slots=True)
class Found:
    """What a page needed, visit by visit."""

    name: str
    language: str
    paints_ms: list[float] = field(default_factory=list[float])
    bytes: Counter[str] = field(default_factory=Counter[str])

    @property
    def first_paint_ms(self) -> float:
        """The median of the visits."""
        return round(statistics.median(self.paints_ms), 1)

    def broken(self) -> list[str]:
        """Return the limits that do not hold."""
        limits = WALLET if self.name.startswith("wallet") else CONSOLE
        where = f"{self.name} ({self.language})"
        found = [f"{where}: {kind} {self.bytes[kind]} bytes, at most {most}" for kind, most in limits.items()
                 if self.bytes[kind] > most]  # fmt: skip
        slow = self.first_paint_ms > FIRST_PAINT_MS
        return [*found, f"{where}: first paint {self.first_paint_ms} ms, at most {FIRST_PAINT_MS}"] if slow else found


@dataclass(frozen=True, slots=True)
class Site:
    """Where pages are, and how each who looks is let in."""

    address: str
    staff_token: str
    wallet: str
    places: dict[str, str]


def brought_in(data: Path, *, quick: bool) -> None:
    """Run the demo into a folder; what is there already is only looked at."""
    source = ["--source", str(SAMPLE)] if quick else []
    command = [sys.executable, "-m", "keyuan.cli", "demo", "--data", str(data), *source, "--exit", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def served(data: Path) -> Generator[Site, None, None]:
    """Serve a data folder from a process of its own, with an empty page beside ours."""
    with opened(load_settings(data)) as installation:
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = int(found.getsockname()[1])
        address = f"http://127.0.0.1:{port}"
        token, places = _prepared(installation)
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(data, port), daemon=True)
        process.start()
        try:
            _wait(port)
            wallet = wallet_face(installation, address, places.pop("customer"))["wallet"]
            yield Site(address, token, wallet, places)
        finally:
            process.terminate()
            process.join(20)


def serve(data: Path, port: int) -> None:
    """Be the server, until told to stop."""

    async def empty(_: Request) -> HTMLResponse:
        return HTMLResponse("<!doctype html><html lang=en><title>empty</title><p>empty")

    settings = load_settings(data)
    tune()  # as the fork server does before it forks web
    gc.freeze()
    with attached(settings) as installation:
        app = make_app(installation.database, installation.secrets, tenant=settings.tenant)
        app.router.routes.insert(0, Route(EMPTY, empty))
        make_server(app, host="127.0.0.1", port=port).run()


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _prepared(installation: Installation) -> tuple[str, dict[str, str]]:
    """Make a session, and find what stands for the `{names}` in addresses: of a customer who was written to, if any."""
    account, token, no_digest = new_id(), f"session of a bench {new_id()}", "$argon2id$ of no password at all"
    names = [f"{story.USER_PREFIX}{household}" for household in range(1, 300)]
    senders = {installation.secrets.sender(installation.tenant, "user", name): name for name in names}
    with installation.session() as session:
        staff.make_account(session, account, f"bench{account.hex[-8:]}", no_digest, system_now())
        staff.set_password(session, account, no_digest, must_change=False)
        staff.begin_session(session, account, token, system_now())
        people = {person: senders[sender] for sender, person in portraits.known(session, senders).items()}
        notes = dict(session.rows("SELECT m.person, m.id FROM campaigns.message AS m WHERE m.channel = 'inbox'"))
    person = next((each for each in people if each in notes), next(iter(people)))
    places = {"person": str(person), "segment": story.SEGMENTS[0].name, "customer": people[person]}
    if notes:
        places |= {"note": str(notes[person]), "campaign": story.CAMPAIGN.name}
    return token, places


def pages(places: dict[str, str], *, quick: bool) -> Generator[tuple[Seen, str, str], None, None]:
    """Yield the pages that this data can show: page, language, address."""
    for seen in PAGES:
        for language in ("en",) if quick else ("zh", "en"):
            try:
                path = seen.path.format(**places)
            except KeyError:
                continue
            if seen.who != "newcomer":
                yield seen, language, f"/{language}{path}"


class Visitor:
    """Visits pages with an empty cache, and notes what that took."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser, self._site = browser, site
        context = browser.new_context()
        page = context.new_page()
        page.goto(site.wallet)
        customer: Any = context.storage_state()
        context.close()
        cookie = {"name": "keyuan_staff", "value": site.staff_token, "domain": "127.0.0.1", "path": "/", "expires": -1,
                  "httpOnly": True, "secure": False, "sameSite": "Lax"}  # fmt: skip
        self._states: dict[str, Any] = {"customer": customer, "staff": {"cookies": [cookie], "origins": []}}

    def visit(self, path: str, who: str, found: Found) -> None:
        """Open a page once."""
        context = self._browser.new_context(
            storage_state=self._states.get(who), viewport={"width": 1440, "height": 900}
        )
        page = context.new_page()
        wire = context.new_cdp_session(page)
        asked: dict[str, tuple[str, str]] = {}
        got: Counter[str] = Counter()

        def answered(event: dict[str, Any]) -> None:
            asked[event["requestId"]] = (_KINDS.get(event["type"], "other"), event["response"]["url"])

        def loaded(event: dict[str, Any]) -> None:
            kind, url = asked.get(event["requestId"], ("other", ""))
            size = int(event["encodedDataLength"])
            got[_built(url) or kind] += size
            got["total"] += size

        wire.on("Network.responseReceived", answered)
        wire.on("Network.loadingFinished", loaded)
        wire.send("Network.enable")
        page.wait_for_timeout(WINDOW_MS)
        page.goto(self._site.address + path, wait_until="load")
        paint = page.evaluate(_PAINT)
        for _ in range(100):
            if paint is not None:
                break
            page.wait_for_timeout(10)
            paint = page.evaluate(_PAINT)
        assert paint is not None, path
        found.paints_ms.append(float(paint))
        found.bytes = got
        context.close()


def _built(url: str) -> str:
    if "/built/charts.js" in url:
        return "charts"
    return "htmx" if "/built/" in url else ""


def measured(site: Site, *, rounds: int, quick: bool) -> tuple[Found, list[Found]]:
    """Visit every page so many times, the empty one between them."""
    empty, found = Found("empty", "en"), list[Found]()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        visitor = Visitor(browser, site)
        for seen, language, path in pages(site.places, quick=quick):
            found.append(Found(seen.name, language))
            for _ in range(rounds):
                visitor.visit(EMPTY, "anybody", empty)
                visitor.visit(path, seen.who, found[-1])
            print(f"pages: {seen.name} ({language}) {found[-1].first_paint_ms} ms", file=sys.stderr, flush=True)
        browser.close()
    return empty, found


def told(empty: Found, found: Sequence[Found]) -> dict[str, Any]:
    """Return the object that `--json` prints."""
    slowest = max(found, key=lambda each: each.first_paint_ms)
    return {
        "bench": "pages",
        "value": slowest.first_paint_ms,
        "unit": "ms to the first paint of the slowest page",
        "baseline": empty.first_paint_ms,
        "ratio": round(slowest.first_paint_ms / empty.first_paint_ms, 2),
        "limit": FIRST_PAINT_MS,
        "slowest": slowest.name,
        "limits": {"console": CONSOLE, "wallet": WALLET},
        "broken": [each for page in found for each in page.broken()],
        "pages": [
            {
                "page": each.name,
                "language": each.language,
                "first_paint_ms": each.first_paint_ms,
                "ratio": round(each.first_paint_ms / empty.first_paint_ms, 2),
                "bytes": dict(sorted(each.bytes.items())),
            }
            for each in found
        ],
    }


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--quick", action="store_true", help="300 households, one language, three visits")
    parser.add_argument("--data", type=Path, help="a data folder of the demo, of which nobody serves")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="keyuan-bench-") as folder:
        data: Path = options.data or Path(folder) / "data"
        try:
            brought_in(data, quick=options.quick)
            with served(data) as site:
                result = told(*measured(site, rounds=3 if options.quick else ROUNDS, quick=options.quick))
        finally:
            if options.data is None:
                remove = [sys.executable, "-m", "keyuan.cli", "remove", "--data", str(data), "--yes"]
                subprocess.run(remove, capture_output=True, check=False)
    if options.json:
        print(json.dumps(result))
        return
    for each in result["pages"]:
        weight = ", ".join(f"{kind} {size:,}" for kind, size in each["bytes"].items())
        print(f"{each['page']} ({each['language']}): {each['first_paint_ms']} ms, {each['ratio']} × empty; {weight}")
    print(f"slowest {result['value']} ms against {result['baseline']} ms of an empty page ({result['ratio']} ×)")
    print("\n".join(result["broken"]) or "all limits hold")


if __name__ == "__main__":
    main()
