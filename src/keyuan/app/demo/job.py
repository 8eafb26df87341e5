"""The main job of the demo: import, consent, portraits, segments, points, check.

Every stage may be killed and started again: consents and events told twice are kept once, the import goes on where
it was, and what is finished is only looked at.
"""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyuan import campaigns, events, loyalty, segments
from keyuan.anchor import store as epochs
from keyuan.app.anchoring import bring_to_chain
from keyuan.app.demo import story
from keyuan.app.importing import catch_up
from keyuan.app.installation import Installation
from keyuan.app.lakes import campaign_as_of, insight_as_of
from keyuan.app.mailing import SINK, letters_of
from keyuan.app.proving import proof_holds
from keyuan.app.use import is_served
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Session
from keyuan.engines.files import Files, Selection, Table
from keyuan.events.mapping import dated
from keyuan.flows.as_of import membership_as_of, stored_membership, traits_as_of
from keyuan.flows.campaign_draft import save_draft
from keyuan.flows.campaign_launch import NobodyToTreatError, launch
from keyuan.flows.expire import expire_all
from keyuan.flows.figures import figures
from keyuan.flows.import_file import import_files, shipped_mapping
from keyuan.flows.places import passed_by_all
from keyuan.flows.record_consent import record_consent
from keyuan.flows.reevaluate import reevaluate_all
from keyuan.flows.verify import verify
from keyuan.kernel.clock import system_now, to_us
from keyuan.kernel.errors import CorruptionError
from keyuan.profiles import reads as profile_reads
from keyuan.profiles import store as portraits

_POLL_S = 0.1

Report = Callable[[str, int, int], None]
"""Stage, done, total (0 while it is not known)."""


class TwoWaysDifferError(CorruptionError):
    """The live path and the batch path give different portraits or segments; please report this."""


@dataclass(slots=True)
class Job:
    """One run of the main job, with the seconds that each stage took."""

    installation: Installation
    source: Path
    report: Report
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    changed: bool = False
    """Whether this run took anything in; a run that did not has nothing to compare."""

    @contextmanager
    def stage(self, name: str) -> Generator[None, None, None]:
        """Time a stage and say that it begins and ends."""
        began_s = time.monotonic()
        self.report(name, 0, 0)
        yield
        self.seconds[name] = round(time.monotonic() - began_s, 2)
        self.report(name, 1, 1)

    def session(self, *, snapshot: bool = False) -> AbstractContextManager[Session]:
        """Open a transaction of the demo's tenant."""
        return self.installation.database.transaction(self.installation.tenant, snapshot=snapshot)


def prepare(job: Job) -> None:
    """Set the clock, the programme, the segments and the consents, before any event is seen."""
    with job.stage("consent"), job.session() as session:
        epochs.pause(session, paused=True)  # by count only, so that there are as many in every run
        events.keep_clock_by_hand(session, story.BEGIN)
        events.stop_clock(session, system_now())  # a server that was killed left it running
        loyalty.create_programme(session, story.PROGRAMME)
        segments.save(session, story.SEGMENTS)
        record_consent(session, _records(job, session))


def _records(job: Job, session: Session) -> list[Record]:
    """Return the decisions of every household of the files."""
    installation = job.installation
    numbers = households(job.source)
    names = {
        number: installation.secrets.sender(session.tenant, "user", f"{story.USER_PREFIX}{number}")
        for number in numbers
    }
    people = portraits.resolve(session, names.values())
    return [
        Record(
            person=people[names[number]],
            purpose=purpose,
            decision=Decision.GIVEN,
            effective_at_us=to_us(story.CONSENT_FROM),
            evidence=story.EVIDENCE,
        )
        for number in numbers
        for purpose in story.agreed(number)
    ]


def households(source: Path) -> list[int]:
    """Return the numbers of the households that bought something, ascending."""
    selection = Selection(
        table="transactions",
        time=0,
        columns=(("transactions", "household_id"),),
        group_by="household_id",
        one_each=True,
    )
    with Files() as files:
        files.open(Table(name="transactions", path=source / "transactions.parquet", format="parquet"), ["household_id"])
        return sorted(int(str(number)) for chunk in files.chunks(selection) for number in chunk.columns[0])


def take_in(job: Job) -> None:
    """Append every event of the files, while the consumers, in processes of their own, follow."""
    with job.stage("import"):
        installation = job.installation
        report = import_files(
            installation.database,
            installation.secrets,
            installation.tenant,
            dated(shipped_mapping("complete_journey"), story.DATES),
            job.source,
            system_now=system_now(),
            on_progress=lambda done, total: job.report("import", done, total),
        )
        job.changed = not report.done_before


def follow(job: Job) -> None:
    """Wait until the consumers have taken in all there is."""
    with job.stage("process"):
        while True:
            with job.session() as session:
                last, position = events.last_seq(session), passed_by_all(session)
            if position >= last:
                return
            job.changed = True
            job.report("process", position, last)
            catch_up(job.installation)  # when an `up` that was joined has gone meanwhile
            time.sleep(_POLL_S)


def settle(job: Job) -> None:
    """Set the clock to the end of the story, bring everybody to it, and let points expire."""
    with job.session() as session:
        clock = events.read_clock(session)
    if clock.now(system_now()) > story.AS_OF:
        return
    database, tenant = job.installation.database, job.installation.tenant
    with job.stage("portraits"):
        with job.session() as session:
            events.move_clock(session, story.AS_OF, system_now())
        reevaluate_all(database, tenant, story.AS_OF)
    with job.stage("expiry"):
        expire_all(database, tenant, story.AS_OF)


def compare(job: Job) -> None:
    """Compute traits and segments a second way, by SQL over the whole log, and compare everybody.

    Raises:
        TwoWaysDifferError: the two ways do not agree.
    """
    if not job.changed:
        return
    with job.stage("second way"), job.session(snapshot=True) as session:
        clock = events.read_clock(session)
        batch = traits_as_of(session, story.AS_OF, clock.at)
        live = dict(profile_reads.trait_rows(session))
        if batch != live:
            raise TwoWaysDifferError(what="traits", people=sum(batch.get(person) != live[person] for person in live))
        stored = stored_membership(session, story.AS_OF)
        for engine in ("postgres", "duckdb"):
            if membership_as_of(session, batch, engine) != stored:
                raise TwoWaysDifferError(what="segments", engine=engine)


def campaign(job: Job) -> None:
    """Launch the demo's campaign as of its first day; one that was launched stays as it is.

    Of a few households nobody may be in the segment: then it stays a draft.
    """
    installation, name = job.installation, story.CAMPAIGN.name
    with job.session() as session:
        there = {each.name for each in campaigns.campaigns(session)}
        if name not in there:
            save_draft(session, story.CAMPAIGN, story.OFFER)
        if campaigns.launch_of(session, name) is not None:
            return
    with job.stage("campaign"), suppress(NobodyToTreatError):
        launch(installation.database, installation.secrets, installation.tenant, name, story.LAUNCHED_AT)


def post(job: Job) -> dict[str, Any]:
    """Wait until the sink has every letter; a real server is not waited for, and gets none of made-up people."""
    waited = job.installation.settings.smtp == SINK
    with job.stage("mail"):
        while True:
            letters = letters_of(job.installation, story.CAMPAIGN.name)
            waiting, total = letters["queued"] + letters["sending"], sum(letters.values())
            if not waiting or not waited or not is_served(job.installation.folder):
                return {"letters": letters}
            job.report("mail", total - waiting, total)
            time.sleep(_POLL_S)


def check(job: Job) -> bool:
    """Rebuild the ledger from its entries; return whether it is what is stored."""
    with job.stage("verify"):
        return verify(job.installation.database, [job.installation.tenant])[0].ok


def anchor(job: Job) -> dict[str, Any]:
    """Commit to every movement on the embedded chain, after the deployed terms have computed each award again."""
    with job.stage("anchor"):
        found = bring_to_chain(job.installation, lambda done, total: job.report("anchor", done, total))
        with job.session() as session:
            epochs.pause(session, paused=False)
    return found


def prove(job: Job) -> dict[str, Any]:
    """Have the shipped verifier check a customer's proof, as she would; nothing is to be proved without a chain."""
    user_id = f"{story.USER_PREFIX}{next(filter(_is_member, households(job.source)))}"
    with job.stage("proof"):
        is_anchored = job.installation.settings.chain != "off"
        return {"proof_of": user_id, "proof_ok": proof_holds(job.installation, user_id) if is_anchored else None}


def _is_member(household: int) -> bool:
    return Purpose.LOYALTY in story.agreed(household)


def customer_to_show(job: Job) -> str:
    """Return the userId of the first household that has an offer in its inbox; whose wallet is worth a look."""
    installation = job.installation
    with job.session() as session:
        for number in filter(_is_member, households(job.source)):
            user_id = f"{story.USER_PREFIX}{number}"
            sender = installation.secrets.sender(session.tenant, "user", user_id)
            person = portraits.known(session, [sender]).get(sender)
            if person is not None and campaigns.inbox_of(session, person, limit=1):
                return user_id
    return f"{story.USER_PREFIX}{next(filter(_is_member, households(job.source)))}"


def understand(job: Job) -> dict[str, Any]:
    """Return what the lake says as of the end of the story."""
    with job.stage("insight"):
        return {"insight": insight_as_of(job.installation, story.AS_OF)}


def judge(job: Job) -> dict[str, Any]:
    """Return what the campaign has done, as of the end of the story; nothing where nobody could be treated."""
    with job.session() as session:
        launched = campaigns.launch_of(session, story.CAMPAIGN.name) is not None
    with job.stage("experiment"):
        found = campaign_as_of(job.installation, story.CAMPAIGN.name, story.AS_OF) if launched else {}
        return {"experiment": found}


def count(job: Job) -> dict[str, Any]:
    """Return the figures as of the end of the story, from the database."""
    with job.stage("figures"), job.session(snapshot=True) as session:
        return figures(session, story.AS_OF)


def run(job: Job) -> dict[str, Any]:
    """Run the whole main job and return its figures."""
    prepare(job)
    take_in(job)
    follow(job)
    settle(job)
    compare(job)
    campaign(job)
    letters = post(job)
    ok = check(job)
    anchored = anchor(job) | prove(job)
    return count(job) | {"rebuild_ok": ok} | letters | anchored | understand(job) | judge(job)
