"""Every page of the site, for tests and benches that look at all of them. A page that is new belongs into `PAGES`.

`{names}` in an address are those of a house (`every_house`). Deliberately not here: what a single page must do.
"""

from dataclasses import dataclass
from typing import Final, Literal

Who = Literal["staff", "newcomer", "customer", "anybody"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A page: its name, its address after the language, who may see it, and how it is answered."""

    name: str
    path: str
    who: Who = "staff"
    status: int = 200


PAGES: Final = (
    Seen("sign in", "/console/login", "anybody"),
    Seen("first password", "/console/password", "newcomer"),
    Seen("overview", "/console"),
    Seen("people", "/console/people"),
    Seen("nobody found", "/console/people?q=nobody"),
    Seen("portrait", "/console/people/{person}"),
    Seen("segments", "/console/segments"),
    Seen("segment", "/console/segments/{segment}"),
    Seen("a rule that is tried", "/console/segments/{segment}?rule=orders+%3E%3D+2"),
    Seen("a rule that is wrong", "/console/segments/{segment}?rule=recency_day+%3C+3"),
    Seen("ledger", "/console/ledger"),
    Seen("one movement", "/console/ledger?no=1"),
    Seen("insight", "/console/insight"),
    Seen("insight as tables", "/console/insight?weeks=52&table=active.flow.growth.owed.retention.revenue"),
    Seen("campaigns", "/console/campaigns"),
    Seen("new campaign", "/console/campaigns/new?segment={segment}"),
    Seen("draft", "/console/campaigns/{draft}"),
    Seen("draft, asked", "/console/campaigns/{draft}?ask=launch"),
    Seen("draft, edited", "/console/campaigns/{draft}/edit"),
    Seen("report", "/console/campaigns/{campaign}"),
    Seen("delivery", "/console/campaigns/{campaign}/delivery"),
    Seen("design", "/console/campaigns/{campaign}/design"),
    Seen("no such page", "/console/nowhere", status=404),
    Seen("components", "/components", "anybody"),
    Seen("wallet", "/w/", "customer"),
    Seen("wallet: activity", "/w/activity", "customer"),
    Seen("wallet: offers", "/w/offers", "customer"),
    Seen("wallet: one offer", "/w/offers/{note}", "customer"),
    Seen("wallet: me", "/w/me", "customer"),
    Seen("wallet: agree", "/w/me/agree?purpose=marketing.email", "customer"),
    Seen("wallet: check", "/w/check", "customer"),
    Seen("wallet: closed", "/w/", "anybody", status=403),
    Seen("unsubscribe", "/u/{letter}", "anybody"),
)
NO_PAGES: Final = {
    "/console/live": "a stream",
    "/console/segments/{name}/try": "a part of the page of a segment",
    "/console/campaigns/try": "a part of the form of a campaign",
    "/w/data.json": "a file",
    "/w/bundle.json": "a file",
    "/w/commitments.json": "a file",
    "/w/keyuan_verify.py": "a file",
}
"""What answers GET and is no page, and why."""
