"""SMTP with all that can go wrong: refusals, lost connections, servers that are not there or do not want us."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyuan.engines.mail import (
    Answer,
    ChannelRefusedError,
    ChannelUnreachableError,
    Outcome,
    SenderAddressError,
    Server,
    SmtpChannel,
    sender_of,
    server_at,
)
from mail.post_office import NOW, PASSWORD, SENDER, USER, PostOffice, certificate, letter, post_office


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as found:
        yield found


@pytest.fixture
def channel(office: PostOffice) -> Iterator[SmtpChannel]:
    made = SmtpChannel(Server(host="127.0.0.1", port=office.port), SENDER, lambda: NOW)
    made.open()
    yield made
    made.close()


def outcome(channel: SmtpChannel, to: str) -> Outcome:
    channel.open()
    (found,) = channel.send([letter(to=to)], 60)
    return found


def test_a_hundred_letters_go_over_one_connection(channel: SmtpChannel, office: PostOffice):
    for first in (0, 50):
        sent = channel.send([letter(number=first + each) for each in range(50)], 60)
        assert {each.answer for each in sent} == {Answer.ACCEPTED}
    assert len(office.taken) == 100
    assert office.connections == 1


REFUSED = {
    "nobody@example.com": (Answer.NEVER, "refused with 550 5.1.1"),
    "full@example.com": (Answer.LATER, "refused with 452 4.2.2"),
    "spam@example.com": (Answer.NEVER, "refused with 554"),
    "cut@example.com": (Answer.LATER, "the connection was lost"),
    "leaving@example.com": (Answer.LATER, "refused with 421 4.3.2"),
    "änne@example.com": (Answer.NEVER, "the mail server takes no addresses outside ASCII"),
}


@pytest.mark.parametrize("to", REFUSED)
def test_a_refusal_is_told_by_its_codes_and_never_by_words_with_an_address(channel: SmtpChannel, to: str):
    assert outcome(channel, to) == REFUSED[to]
    assert outcome(channel, "anna@example.com").answer is Answer.ACCEPTED


def test_a_refusal_between_others_does_not_concern_them(channel: SmtpChannel, office: PostOffice):
    sent = channel.send([letter(to=f"{name}@b.example") for name in ("anna", "nobody", "bert", "full", "chen")], 60)
    assert [each.answer for each in sent] == [
        Answer.ACCEPTED,
        Answer.NEVER,
        Answer.ACCEPTED,
        Answer.LATER,
        Answer.ACCEPTED,
    ]
    assert len(office.taken) == 3


@pytest.mark.parametrize("name", ["cut", "leaving"])
def test_after_a_lost_connection_the_others_of_a_batch_wait_and_the_next_one_connects_again(
    channel: SmtpChannel, office: PostOffice, name: str
):
    sent = channel.send([letter(to=f"{each}@b.example") for each in ("anna", name, "bert")], 60)
    assert [each.answer for each in sent] == [Answer.ACCEPTED, Answer.LATER, Answer.UNTRIED]
    assert outcome(channel, "bert@b.example").answer is Answer.ACCEPTED
    assert office.connections == 2


def test_a_server_that_was_started_again_meanwhile_is_noticed_before_a_letter_is_lost(
    channel: SmtpChannel, office: PostOffice
):
    assert outcome(channel, "anna@b.example").answer is Answer.ACCEPTED
    office.hang_up()
    assert outcome(channel, "bert@b.example").answer is Answer.ACCEPTED
    assert office.connections == 2


def test_a_refused_sender_is_no_letters_fault_and_what_was_taken_before_stays_taken(
    channel: SmtpChannel, office: PostOffice
):
    office.refuse_sender = True
    sent = channel.send([letter(to="anna@b.example"), letter(to="bert@b.example")], 60)
    assert {each.answer for each in sent} == {Answer.UNTRIED}
    with pytest.raises(ChannelRefusedError) as told:
        channel.open()
    assert "@" not in str(told.value)
    office.refuse_sender = False
    assert outcome(channel, "anna@b.example").answer is Answer.ACCEPTED


def test_a_server_that_is_not_there_is_unreachable():
    nobody = SmtpChannel(Server(host="127.0.0.1", port=9), SENDER, lambda: NOW)
    with pytest.raises(ChannelUnreachableError):
        nobody.open()
    nobody.close()


def test_a_password_is_sent_to_a_server_that_encrypts_and_to_no_other(office: PostOffice):
    channel = SmtpChannel(Server(host="127.0.0.1", port=office.port, user=USER, password=PASSWORD), SENDER, lambda: NOW)
    with pytest.raises(ChannelRefusedError, match="does not encrypt"):
        channel.open()
    channel.close()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_wrong_password_and_a_certificate_that_nobody_vouches_for_open_nothing(tmp_path: Path, *, trusted: bool):
    path = certificate(tmp_path)
    with post_office(path, signed_in=True) as office:
        server = Server(
            host="127.0.0.1",
            port=office.port,
            user=USER,
            password="wrong" if trusted else PASSWORD,
            ca_file=str(path) if trusted else None,
        )
        channel = SmtpChannel(server, SENDER, lambda: NOW)
        with pytest.raises(ChannelRefusedError if trusted else ChannelUnreachableError):
            channel.open()
        channel.close()
        assert not office.taken


def test_an_address_of_settings_names_a_server():
    assert server_at("smtp://mail.shop.example") == Server(host="mail.shop.example", port=587)
    assert server_at("smtps://[::1]") == Server(host="::1", port=465, implicit_tls=True)
    assert server_at("smtp://127.0.0.1:25").is_here
    assert server_at("smtp://localhost").is_here
    assert not server_at("smtp://10.0.0.1:25").is_here
    assert not server_at("smtp://localhost.shop.example").is_here


@pytest.mark.parametrize(
    "text",
    ["", "shop", "Shop <shop>", "a@b.example, c@d.example", "Shop <a@b.example>\nBcc: eve@b.example", "ä@b.example"],
)
def test_a_sender_that_is_none_is_refused(text: str):
    with pytest.raises(SenderAddressError):
        sender_of(text)
