"""Campaigns as the console shows them: all of them, a draft with its checks, and one that was launched with its report.

Deliberately not here: deciding anything about a campaign (`campaign_draft`, `campaign_checks`, `campaign_launch`), and
what a reading says (`console_reading`).
Units: `_minor` in the campaign's currency; shares 0–1; instants are aware UTC datetimes of the programme clock.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keyuan import campaigns, events, ledger, loyalty, promotions, segments
from keyuan.campaigns import Campaign, Channel, Launch, MessageState, Span, State
from keyuan.engines.database import Session
from keyuan.experiments import reads as experiments
from keyuan.flows.campaign_checks import Check, checks, ready
from keyuan.flows.campaign_draft import save_draft
from keyuan.flows.campaign_end import end_campaign
from keyuan.flows.campaign_people import CONTROL, TREATED
from keyuan.flows.console_reading import Range, Reading, Worth, reading_of, worth
from keyuan.flows.console_segments import SegmentList, Sized, one_segment, segment_list
from keyuan.kernel.errors import MissingError
from keyuan.ledger import Budget, explorer
from keyuan.ledger.explorer import BudgetEntry
from keyuan.promotions import Given, Offer
from keyuan.segments import Segment

ENTRIES_SHOWN: Final = 8
_NAME_CHARACTERS: Final = 40
_NO_LETTERS: Final = re.compile(r"[^a-z0-9]+")


class NoProgrammeError(MissingError):
    """There is no programme whose money a campaign could spend; make one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What somebody wants a campaign to be; the rest of a draft follows from it."""

    title_zh: str
    title_en: str
    segment: str
    offer_zh: str
    offer_en: str
    face_minor: int
    holdout: float
    since: datetime
    until: datetime
    budget_minor: int
    language: str


@dataclass(frozen=True, slots=True)
class Row:
    """One campaign of the list; `members` are those of its segment now, `launch` and `reading` as far as there are."""

    campaign: Campaign
    members: int
    launch: Launch | None
    reading: Reading | None

    def is_over(self, now: datetime) -> bool:
        """Tell whether its window is over and nobody has ended it."""
        return self.campaign.state is State.LAUNCHED and now >= self.campaign.window.until

    @property
    def relative(self) -> Range | None:
        """Return the metric of the verdict against the hold-out, unless it is withheld."""
        if self.reading is None or self.reading.is_withheld or self.reading.headline is None:
            return None
        return self.reading.headline.relative


@dataclass(frozen=True, slots=True)
class CampaignList:
    """All campaigns, the newest first, and the segments by their names."""

    now: datetime
    rows: Sequence[Row]
    segments: Mapping[str, Segment]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a form needs to know: the segments with their sizes, largest first, and the programme's money."""

    now: datetime
    segments: Sequence[Sized]
    currency: str
    draft: tuple[Campaign, Offer] | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft, and what would happen if it were launched now."""

    now: datetime
    campaign: Campaign
    offer: Offer
    segment: Segment
    members: int
    treated: int
    checks: Sequence[Check]
    others: Mapping[str, Campaign]
    launch: None = None

    @property
    def is_ready(self) -> bool:
        """Tell whether no check stops the launch."""
        return ready(self.checks)

    @property
    def cost_minor(self) -> int:
        """Return what the launch sets aside, about."""
        return self.treated * self.offer.face_minor


@dataclass(frozen=True, slots=True)
class Running:
    """A campaign that was launched: who is in it, what was sent, where its money is, and what it has done."""

    now: datetime
    campaign: Campaign
    offer: Offer
    segment: Segment
    launch: Launch
    people: Mapping[str, int]
    exposed: Mapping[str, int]
    messages: Mapping[Channel, Mapping[MessageState, int]]
    read: int
    coupons: Given
    budget: Budget | None
    entries: Sequence[BudgetEntry]
    reading: Reading | None
    worth: Worth | None

    @property
    def treated(self) -> int:
        """Return how many people are in the treated arm."""
        return self.people.get(TREATED, 0)

    @property
    def held(self) -> int:
        """Return how many people are held out."""
        return self.people.get(CONTROL, 0)


def campaign_list(session: Session, system_now: datetime) -> CampaignList:
    """Return all campaigns."""
    listed = segment_list(session, system_now)
    segments_by_name = {each.segment.name: each.segment for each in listed.segments}
    return CampaignList(listed.now, campaign_rows(session, listed), segments_by_name)


def campaign_rows(session: Session, listed: SegmentList) -> list[Row]:
    """Return all campaigns, the newest first, with the sizes of their segments now."""
    sizes = {each.segment.name: each.size for each in listed.segments}
    return [
        Row(
            each,
            sizes.get(each.segment, 0),
            None if each.state is State.DRAFT else campaigns.launch_of(session, each.name),
            None if each.state is State.DRAFT else _reading(session, each.name),
        )
        for each in campaigns.campaigns(session)
    ]


def form_frame(session: Session, name: str | None, system_now: datetime) -> Frame:
    """Return what a form needs to know; `name` is that of the draft it changes.

    Raises:
        NoProgrammeError: there is no money to spend.
        UnknownCampaignError: there is no such draft.
        NoDraftError: it was launched.
    """
    listed = segment_list(session, system_now)
    draft = None
    if name is not None:
        campaign = campaigns.campaign(session, name)
        if campaign.state is not State.DRAFT:
            raise campaigns.NoDraftError(campaign=name)
        draft = campaign, promotions.offer(session, campaign.offer)
    return Frame(listed.now, listed.segments, _programme(session).money_currency, draft)


def keep_plan(session: Session, plan: Plan, name: str | None, system_now: datetime) -> str:
    """Keep a plan as a new draft, or in the place of one, and return its name.

    Raises:
        DraftFaultError: something about it cannot be.
        NoDraftError: the draft of this name was launched meanwhile.
    """
    now = events.clock_at(session, system_now)
    known = None if name is None else campaigns.campaign(session, name)
    named = _free_name(session, plan.title_en) if known is None else known.name
    programme = _programme(session)
    campaign = Campaign(
        name=named,
        title_en=plan.title_en,
        title_zh=plan.title_zh,
        segment=plan.segment,
        offer=f"{named}_coupon" if known is None else known.offer,
        holdout=plan.holdout,
        salt=f"{named}-{now:%Y-%m-%d}" if known is None else known.salt,
        window=Span(plan.since, plan.until),
        before=before_of(Span(plan.since, plan.until)),
        budget_minor=plan.budget_minor,
        currency=programme.money_currency,
        brand=programme.brand,
        language=plan.language,
    )
    if known is not None:
        campaign = replace(campaign, points_factor=known.points_factor, nobody_treated=known.nobody_treated)
    offer = Offer(
        name=campaign.offer,
        title_en=plan.offer_en,
        title_zh=plan.offer_zh,
        face_minor=plan.face_minor,
        currency=campaign.currency,
        valid_from=plan.since,
        valid_until=plan.until,
    )
    return save_draft(session, campaign, offer).name


def before_of(window: Span) -> Span:
    """Return the time before a window, as long as the window itself."""
    return Span(window.since - (window.until - window.since), window.since)


def draft_or_running(session: Session, name: str, system_now: datetime) -> Draft | Running:
    """Return a campaign as it is now.

    Raises:
        UnknownCampaignError: there is none of this name.
    """
    campaign = campaigns.campaign(session, name)
    offer, segment = promotions.offer(session, campaign.offer), one_segment(session, campaign.segment)
    now = events.clock_at(session, system_now)
    launch = campaigns.launch_of(session, name)
    if launch is not None:
        return _running(session, campaign, offer, segment, launch, now)
    members = len(segments.members(session, campaign.segment, now))
    treated = members - round(members * campaign.holdout)
    others = {each.name: each for each in campaigns.campaigns(session)}
    return Draft(now, campaign, offer, segment, members, treated, checks(session, name), others)


def end(session: Session, name: str, system_now: datetime) -> int:
    """End a campaign as of now, and return the money that is free again.

    Raises:
        UnknownCampaignError: there is none of this name.
        NotRunningError: it was never launched.
    """
    return end_campaign(session, name, events.clock_at(session, system_now))


def _running(
    session: Session, campaign: Campaign, offer: Offer, segment: Segment, launch: Launch, now: datetime
) -> Running:
    sizes = experiments.sizes(session, campaign.name)
    reading = _reading(session, campaign.name)
    budget = next(iter(ledger.budgets(session, [campaign.number])), None)
    return Running(
        now=now,
        campaign=campaign,
        offer=offer,
        segment=segment,
        launch=launch,
        people={arm: size.people for arm, size in sizes.items()},
        exposed={arm: size.exposed for arm, size in sizes.items()},
        messages=_messages(campaigns.message_counts(session, campaign.name)),
        read=campaigns.read_count(session, campaign.name),
        coupons=promotions.given(session, campaign.offer),
        budget=budget,
        entries=explorer.budget_entries(session, campaign.number, ENTRIES_SHOWN),
        reading=reading,
        worth=None if reading is None else _worth(campaign, offer, launch, budget, reading),
    )


def _worth(campaign: Campaign, offer: Offer, launch: Launch, budget: Budget | None, reading: Reading) -> Worth:
    """Return what a campaign was worth; where nobody was treated, as if everybody had used her coupon."""
    if campaign.nobody_treated:
        return worth(reading, offer.face_minor, is_modelled=True)
    spent = 0 if budget is None else budget.spent
    return worth(reading, spent / launch.treated if launch.treated else 0.0, is_modelled=False)


def _messages(counts: Mapping[tuple[Channel, MessageState], int]) -> dict[Channel, dict[MessageState, int]]:
    return {
        channel: {state: count for (of, state), count in counts.items() if of is channel}
        for channel in (Channel.INBOX, Channel.EMAIL)
    }


def _reading(session: Session, name: str) -> Reading | None:
    found = experiments.reading(session, name)
    return None if found is None else reading_of(found.read_at, found.as_of, found.body)


def _programme(session: Session) -> loyalty.Programme:
    found = loyalty.programmes(session)
    if not found:
        raise NoProgrammeError
    return found[0]


def _free_name(session: Session, title: str) -> str:
    """Return a name made of a title that no campaign has; a second one of a title gets a number."""
    words = _NO_LETTERS.sub("_", title.lower()).strip("_")[:_NAME_CHARACTERS].strip("_")
    stem = words if words[:1].isalpha() else f"campaign_{words}".strip("_")
    taken = {each.name for each in campaigns.campaigns(session)}
    number, name = 1, stem
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name
