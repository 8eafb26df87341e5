"""Messages of campaigns as they are stored: made once, given to one sender at a time, settled once, tenants apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from keyuan import campaigns
from keyuan.campaigns import Campaign, Channel, Launch, MessageState, Span
from keyuan.campaigns.model import LEASE
from keyuan.engines.database import Database

AT = datetime(2017, 10, 1, tzinfo=UTC)
LATER = AT + timedelta(days=90)
SOON = LATER + timedelta(minutes=1)
DOUBLE = Campaign(
    name="milk_double",
    title_en="Double points on milk",
    title_zh="牛奶双倍积分",
    segment="milk_households",
    offer="milk_coupon",
    holdout=0.2,
    salt="a-salt",
    window=Span(AT, datetime(2018, 1, 1, tzinfo=UTC)),
    before=Span(datetime(2017, 7, 1, tzinfo=UTC), AT),
    budget_minor=100_000,
    currency="USD",
    brand="keyuan-market",
    points_factor=2,
    nobody_treated=True,
)
PEOPLE = [UUID(int=number) for number in range(1, 21)]


@pytest.fixture
def store(database: Database) -> Database:
    """Return a database in which both tenants have launched a campaign of one name."""
    for tenant, people in ((1, PEOPLE), (2, PEOPLE[:3])):
        with database.transaction(tenant) as session:
            campaigns.save_draft(session, DOUBLE)
            launch = Launch(AT, len(people), len(people), 0, 0, len(people), len(people), 0)
            campaigns.keep_launch(session, DOUBLE.name, launch)
            assert campaigns.queue(session, DOUBLE.name, Channel.EMAIL, people, AT) == len(people)
            assert campaigns.queue(session, DOUBLE.name, Channel.INBOX, people[:2], AT) == 2
    return database


def counts(database: Database, tenant: int = 1) -> dict[str, int]:
    with database.transaction(tenant) as session:
        return {
            f"{channel} {state}": count
            for (channel, state), count in campaigns.message_counts(session, DOUBLE.name).items()
        }


def test_a_message_is_made_once_a_person_and_channel(store: Database):
    with store.transaction(1) as session:
        assert campaigns.queue(session, DOUBLE.name, Channel.EMAIL, [*PEOPLE, uuid4()], AT) == 1
    assert counts(store) == {"email queued": 21, "inbox sent": 2}


def test_two_senders_take_different_messages(store: Database):
    with store.transaction(1) as first, store.transaction(1) as second:
        one = campaigns.claim_due(first, Channel.EMAIL, 12, LATER)
        other = campaigns.claim_due(second, Channel.EMAIL, 12, LATER)
    assert (len(one), len(other)) == (12, 8)
    assert {message.person for message in (*one, *other)} == set(PEOPLE)
    assert {(message.state, message.attempts) for message in one} == {(MessageState.SENDING, 1)}


def test_what_is_not_due_yet_and_what_is_in_the_inbox_is_not_taken(store: Database):
    with store.transaction(1) as session:
        assert campaigns.claim_due(session, Channel.EMAIL, 100, AT - timedelta(seconds=1)) == []
        assert campaigns.claim_due(session, Channel.INBOX, 100, LATER) == []


def test_what_a_sender_that_died_had_taken_comes_again_under_the_same_id(store: Database):
    with store.transaction(1) as session:
        taken = {message.id for message in campaigns.claim_due(session, Channel.EMAIL, 100, LATER)}
    with store.transaction(1) as session:
        assert campaigns.claim_due(session, Channel.EMAIL, 100, LATER + LEASE - timedelta(seconds=1)) == []
        again = campaigns.claim_due(session, Channel.EMAIL, 100, LATER + LEASE)
    assert {message.id for message in again} == taken
    assert {message.attempts for message in again} == {2}


def test_what_is_settled_stays_settled(store: Database):
    with store.transaction(1) as session:
        sent, failed, withheld, again, *_ = campaigns.claim_due(session, Channel.EMAIL, 100, LATER)
        assert campaigns.mark(session, [sent.id], MessageState.SENT, LATER) == 1
        assert campaigns.mark(session, [failed.id], MessageState.FAILED, LATER, "550 no such mailbox") == 1
        assert campaigns.mark(session, [withheld.id], MessageState.WITHHELD, LATER, "withdrawn") == 1
        assert campaigns.mark(session, [again.id], MessageState.QUEUED, SOON, "451 later") == 1
        settled = [sent.id, failed.id, withheld.id]
        assert campaigns.mark(session, settled, MessageState.QUEUED, LATER) == 0
        assert campaigns.claim_due(session, Channel.EMAIL, 100, SOON - timedelta(seconds=1)) == []
        assert [each.id for each in campaigns.claim_due(session, Channel.EMAIL, 100, SOON)] == [again.id]
    assert counts(store) == {
        "email sending": 17,
        "email sent": 1,
        "email failed": 1,
        "email withheld": 1,
        "inbox sent": 2,
    }


def test_an_inbox_is_one_persons_and_a_message_is_read_once(store: Database):
    with store.transaction(1) as session:
        (message,) = campaigns.inbox_of(session, PEOPLE[0])
        assert (message.channel, message.sent_at, message.read_at) == (Channel.INBOX, AT, None)
        assert not campaigns.mark_read(session, PEOPLE[1], message.id, LATER)
        assert campaigns.mark_read(session, PEOPLE[0], message.id, LATER)
        assert not campaigns.mark_read(session, PEOPLE[0], message.id, LATER + timedelta(days=1))
        assert campaigns.inbox_of(session, PEOPLE[0])[0].read_at == LATER
        assert campaigns.read_count(session, DOUBLE.name) == 1
        assert campaigns.inbox_of(session, PEOPLE[5]) == []


def test_who_is_forgotten_has_no_messages(store: Database):
    with store.transaction(1) as session:
        assert campaigns.forget(session, PEOPLE[:1]) == 2
        assert campaigns.inbox_of(session, PEOPLE[0]) == []


def test_another_tenant_neither_sees_nor_moves_our_messages(store: Database):
    with store.transaction(1) as session:
        ours = [message.id for message in campaigns.claim_due(session, Channel.EMAIL, 1, LATER)]
        (inbox,) = campaigns.inbox_of(session, PEOPLE[0])
    with store.transaction(2) as session:
        assert campaigns.mark(session, ours, MessageState.SENT, LATER) == 0
        assert not campaigns.mark_read(session, PEOPLE[0], inbox.id, LATER)
        assert len(campaigns.claim_due(session, Channel.EMAIL, 100, LATER)) == 3
        assert campaigns.forget(session, PEOPLE) == 5
    assert counts(store) == {"email queued": 19, "email sending": 1, "inbox sent": 2}


def test_messages_are_made_for_what_was_launched_only(database: Database):
    with database.transaction(1) as session:
        campaigns.save_draft(session, replace(DOUBLE, name="other", offer="other"))
    with pytest.raises(Exception, match="message_tenant_campaign_fkey"), database.transaction(1) as session:
        campaigns.queue(session, "other", Channel.INBOX, PEOPLE, AT)
