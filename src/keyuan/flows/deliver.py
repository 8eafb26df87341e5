"""Letters leave the house: taken in one transaction, sent outside of any, settled in another.

Whether somebody may be written to is asked in the transaction that takes her message, and what was taken is begun
within seconds. A message is `sending` on disk before the mail server hears of it and `sent` after it took it: whoever
dies in between leaves it to be sent again, under the same number. Here alone addresses are opened, and no line or
reason repeats them. Deliberately not here: how letters read (`letters`) and travel (`engines.mail`).
Units: taking and retrying go by real time, everything else by the programme clock.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from keyuan import campaigns, consent, events, loyalty, promotions, segments
from keyuan.campaigns import Campaign, Message, MessageState, State
from keyuan.campaigns import Channel as Way
from keyuan.campaigns.model import LEASE
from keyuan.consent import Purpose
from keyuan.engines.database import Database, Session
from keyuan.engines.mail import Answer, Channel, Letter, Outcome
from keyuan.engines.secrets import Secrets
from keyuan.experiments.store import expose
from keyuan.flows import unsubscribe
from keyuan.flows.letters import LANGUAGES, OfferLetter
from keyuan.kernel.clock import system_now, to_us
from keyuan.profiles.contact import ContactValue, contact
from keyuan.promotions import Offer

BATCH: Final = 50
BATCH_S: Final = 3.0
"""No letter is begun longer after its consent was asked for."""
ATTEMPTS_MAX: Final = 16
_WAIT_FIRST: Final = timedelta(minutes=1)
_WAIT_MAX: Final = timedelta(hours=6)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a letter points to: this site as customers reach it, and an address that somebody reads, if any."""

    site: str
    mailto: str | None = None


class _Told(NamedTuple):
    """What the messages of one campaign tell."""

    campaign: Campaign
    offer: Offer
    group: str
    shop: str


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Sends one tenant's letters over a channel; `lease` is how long a batch is this one's."""

    database: Database
    secrets: Secrets
    tenant: int
    channel: Channel
    links: Links
    lease: timedelta = LEASE

    def step(self) -> bool:
        """Send a batch of what is due; return whether there was any.

        Raises:
            ChannelUnreachableError: the mail server does not answer; nothing was taken.
            ChannelRefusedError: it does not take us; likewise.
        """
        with self.database.transaction(self.tenant) as session:
            if not campaigns.is_due(session, Way.EMAIL, system_now()):
                return False
        self.channel.open()
        with self.database.transaction(self.tenant) as session:
            batch = _Batch(session, self).take()
        outcomes = self.channel.send(list(batch.values()), BATCH_S)
        with self.database.transaction(self.tenant) as session:
            _settle(session, list(zip(batch, outcomes, strict=True)))
        return True


class _Batch:
    """The messages of one batch, within the transaction that takes them."""

    def __init__(self, session: Session, whole: Deliverer) -> None:
        self._session = session
        self._whole = whole
        self._now = events.clock_at(session, system_now())

    def take(self) -> dict[Message, Letter]:
        """Take what is due, withhold what must not go, and return the letters of the rest."""
        taken = campaigns.claim_due(self._session, Way.EMAIL, BATCH, system_now(), self._whole.lease)
        people = [message.person for message in taken]
        timelines = consent.decisions_of(self._session, people, [Purpose.MARKETING_EMAIL])
        contacts = contact(self._session, self._whole.secrets, people)
        told = {name: self._told(name) for name in {message.campaign for message in taken}}
        letters: dict[Message, Letter] = {}
        stopped: dict[tuple[MessageState, str], list[UUID]] = defaultdict(list)
        for message in taken:
            address = contacts.get(message.person, {}).get("email")
            timeline = timelines.get((message.person, Purpose.MARKETING_EMAIL), ())
            reason = self._reason(timeline, address, told[message.campaign])
            if reason is not None:
                stopped[MessageState.WITHHELD, reason].append(message.id)
            elif message.attempts > ATTEMPTS_MAX:
                stopped[MessageState.FAILED, "given up"].append(message.id)
            elif address is not None:
                letters[message] = self._letter(message, address.value, told[message.campaign])
        for (state, reason), ids in stopped.items():
            campaigns.mark(self._session, ids, state, self._now, reason)
        return letters

    def _reason(self, timeline: consent.Timeline, address: ContactValue | None, told: _Told) -> str | None:
        """Return why a message must not go; None if it may."""
        now_us = to_us(self._now)
        if not consent.allows(timeline, now_us, now_us):
            return "consent was withdrawn"
        if told.campaign.state is not State.LAUNCHED:
            return "the campaign has ended"
        if told.offer.valid_until <= self._now and not told.campaign.nobody_treated:
            return "the offer has ended"
        if address is None:
            return "there is no e-mail address"
        if address.made_up and self._whole.channel.delivers:
            return "the e-mail address is made up"
        return None

    def _told(self, name: str) -> _Told:
        campaign = campaigns.campaign(self._session, name)
        groups = {each.name: each for each in segments.segments(self._session)}
        group, language = groups.get(campaign.segment), campaign.language
        title = "" if group is None else (group.title_zh if language == "zh" else group.title_en)
        shops = {each.brand: each.name for each in loyalty.programmes(self._session)}
        offer = promotions.offer(self._session, campaign.offer)
        return _Told(campaign, offer, title, shops.get(campaign.brand, campaign.brand))

    def _letter(self, message: Message, to: str, told: _Told) -> Letter:
        campaign, offer, whole = told.campaign, told.offer, self._whole
        token = unsubscribe.token_of(whole.secrets, whole.tenant, message.id)
        is_chinese = campaign.language == "zh"
        written = OfferLetter(
            language=campaign.language,
            shop=told.shop,
            title=campaign.title_zh if is_chinese else campaign.title_en,
            offer=offer.title_zh if is_chinese else offer.title_en,
            face_minor=offer.face_minor,
            currency=offer.currency,
            code=promotions.code_of(whole.secrets, whole.tenant, offer.name, message.person),
            last_day=(offer.valid_until - _INSTANT).date(),
            group=told.group,
            unsubscribe=f"{whole.links.site}/{campaign.language}{unsubscribe.PATH}{token}",
        ).written()
        return Letter(
            id=message.id,
            to=to,
            language=LANGUAGES[campaign.language],
            subject=written.subject,
            text=written.text,
            html=written.html,
            unsubscribe_url=f"{whole.links.site}{unsubscribe.PATH}{token}",
            unsubscribe_mailto=whole.links.mailto and f"mailto:{whole.links.mailto}?subject={token}",
        )


def _settle(session: Session, sent: Sequence[tuple[Message, Outcome]]) -> None:
    """Say what became of each message; whoever got her first one has met the treatment."""
    by_answer: dict[Answer, list[tuple[Message, str | None]]] = defaultdict(list)
    for message, outcome in sent:
        by_answer[outcome.answer].append((message, outcome.reason))
    now = system_now()
    campaigns.give_back(session, [message.id for message, _ in by_answer[Answer.UNTRIED]], now)
    for message, reason in by_answer[Answer.NEVER]:
        campaigns.mark(session, [message.id], MessageState.FAILED, now, reason)
    for message, reason in by_answer[Answer.LATER]:
        if message.attempts >= ATTEMPTS_MAX:
            campaigns.mark(session, [message.id], MessageState.FAILED, now, reason)
        else:
            campaigns.mark(session, [message.id], MessageState.QUEUED, now + wait_after(message.attempts), reason)
    _accepted(session, [message for message, _ in by_answer[Answer.ACCEPTED]])


def _accepted(session: Session, messages: Sequence[Message]) -> None:
    at = events.clock_at(session, system_now())
    campaigns.mark(session, [message.id for message in messages], MessageState.SENT, at)
    for name, people in _by_campaign(messages).items():
        expose(session, name, people, at)


def _by_campaign(messages: Sequence[Message]) -> Mapping[str, list[UUID]]:
    found: dict[str, list[UUID]] = defaultdict(list)
    for message in messages:
        found[message.campaign].append(message.person)
    return found


def wait_after(attempts: int) -> timedelta:
    """Return how long a letter waits after so many attempts: a minute, then twice as long, up to six hours."""
    return min(_WAIT_FIRST * 2 ** (attempts - 1), _WAIT_MAX)
