"""A real Chromium for tests, and what it finds wrong with a page."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

expect.set_options(timeout=30_000)  # other tests keep the machine busy; what is shown at once is seen at once
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
AXE: Final = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
needs_browser = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="there is no Chromium; `.ci/run` installs it"
)
"""In CI nothing is left out: without a browser these tests fail."""
_QUIET: Final = ("background-networking", "component-update", "sync", "gpu", "quic")
_FLAGS: Final = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in _QUIET)]
_RUN_AXE: Final = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const found = await axe.run({ runOnly: tags, resultTypes: ["violations"] });
  return found.violations.flatMap((each) =>
    each.nodes.map((node) => `${each.id}: ${node.target} ${node.failureSummary}`));
}"""
_WORDS: Final = """(language) => {
  const said = [], foreign = (node) => node.closest("[lang]").lang.slice(0, 2) !== language;
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const around = node.parentElement;
    if (!around.closest("script, style, code, pre, textarea, .mono") && !foreign(around)) said.push(node.data);
  }
  const names = ["aria-label", "title", "placeholder", "alt"];
  for (const node of document.querySelectorAll(names.map((name) => `[${name}]`).join()))
    if (!foreign(node)) said.push(...names.map((name) => node.getAttribute(name) ?? ""));
  return said;
}"""
_TELL_BROKEN_POLICY: Final = """addEventListener("securitypolicyviolation", (broken) =>
  console.error("policy: " + broken.violatedDirective + " " + broken.blockedURI + " " + broken.sample));"""


@contextmanager
def launched() -> Generator[Browser, None, None]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def watched(context: BrowserContext, faults: list[str]) -> Page:
    """Return a page that notes errors of scripts, of loading, and against the policy."""
    context.add_init_script(_TELL_BROKEN_POLICY)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    return page


def broken_rules(page: Page) -> list[str]:
    """Return what axe finds on a page as it stands, by the A and AA rules."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"{AXE.read_text(encoding='utf-8')};\nnull")  # else all of axe would come back as the answer
    found: Any = page.evaluate(_RUN_AXE)
    return [str(each) for each in found]


def is_too_wide(page: Page) -> bool:
    """Whether a page has to be moved sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def words_of(page: Page, language: str) -> list[str]:
    """Return all words that somebody reads or hears on a page, but for those that say they are of another language."""
    found: Any = page.evaluate(_WORDS, language)
    return [words for words in (" ".join(str(each).split()) for each in found) if words]
