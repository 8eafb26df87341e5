"""Whoever kills the sending process, every letter arrives at least once, always under its one number."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from campaign_house import AT, CAMPAIGN, OFFER
from crash import sender
from keyuan import campaigns, promotions
from keyuan.campaigns import Channel, Launch
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.experiments import store as experiments
from keyuan.flows.campaign_people import TREATED, experiment_of
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import to_us
from keyuan.profiles.contact import keep_contact
from mail.post_office import PostOffice, post_office, read
from real_server import Server

LETTERS, KILLS, SEED = 50, 4, 20_261_122
PEOPLE = [UUID(int=number) for number in range(1, LETTERS + 1)]
CHILD_S_MAX = 90


def furnish(database: Database, secrets: Secrets) -> None:
    """Let fifty letters wait."""
    agreed = {"purpose": Purpose.MARKETING_EMAIL, "decision": Decision.GIVEN, "evidence": "test form 1"}
    with database.transaction(1) as session:
        promotions.save_offer(session, OFFER)
        campaigns.save_draft(session, CAMPAIGN)
        campaigns.keep_launch(session, CAMPAIGN.name, Launch(AT, LETTERS, LETTERS, 0, 0, LETTERS, 0, 0))
        experiments.begin(session, experiment_of(CAMPAIGN), AT)
        experiments.keep_arms(session, CAMPAIGN.name, dict.fromkeys(PEOPLE, TREATED))
        record_consent(session, [Record(person=each, effective_at_us=to_us(AT), **agreed) for each in PEOPLE])
        addresses = {each: {"email": f"p{each.int}@h.example"} for each in PEOPLE}
        keep_contact(session, secrets, addresses, made_up=False)
        campaigns.queue(session, CAMPAIGN.name, Channel.EMAIL, PEOPLE, AT)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as found:
        found.slow_s = 0.01  # a kill meets a letter half-way, or taken and not yet settled
        yield found


@contextmanager
def started(words: dict[str, object]) -> Generator["subprocess.Popen[str]"]:
    """Run a sender; however this ends, it does not go on."""
    with subprocess.Popen([sys.executable, sender.__file__], stdin=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdin is not None
            json.dump(words, child.stdin)
            child.stdin.close()
            yield child
        finally:
            child.kill()


def killed(words: dict[str, object], office: PostOffice, random: Random) -> None:
    """Start a sender, let it send a few, and kill it."""
    with started(words) as child:
        enough, until = len(office.taken) + random.randint(1, 9), time.monotonic() + CHILD_S_MAX
        while len(office.taken) < enough:
            assert time.monotonic() < until
            assert child.poll() is None
            time.sleep(random.uniform(0, 0.01))


def test_letters_of_a_killed_sender_arrive_once_or_again_under_one_number(
    database: Database, server: Server, office: PostOffice, tmp_path: Path
):
    keys = tmp_path / "keys"
    furnish(database, open_secrets(keys))
    words = {"keys": str(keys), "port": office.port, "app": dsn(database, server), "token_key": server.token_key.hex()}
    random = Random(SEED)
    for _ in range(KILLS):
        killed(words, office, random)
        assert states(database).keys() <= {"queued", "sending", "sent"}
    assert states(database)["sending"] > 0, "no kill has met a letter on its way"
    with started(words) as child:
        assert child.wait(CHILD_S_MAX) == 0
    assert states(database) == {"sent": LETTERS}
    letters = [(str(each["To"]), str(each["Message-ID"])) for each in map(read, office.taken)]
    assert {to for to, _ in letters} == {f"p{number}@h.example" for number in range(1, LETTERS + 1)}
    assert len({*letters}) == LETTERS, "somebody got one letter under two numbers"
    assert max(Counter(letters).values()) <= KILLS + 1


def dsn(database: Database, server: Server) -> dict[str, object]:
    with database.transaction(1) as session:
        row = session.row("SELECT current_database()")
    assert row is not None
    return {**server.app, "dbname": row[0]}


def states(database: Database) -> dict[str, int]:
    with database.transaction(1) as session:
        counts = campaigns.message_counts(session, CAMPAIGN.name)
    return {state.value: count for (_, state), count in counts.items()}
