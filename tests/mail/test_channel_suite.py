"""What every channel does, tried on each: the sink, servers with STARTTLS and TLS and a sign-in, and paper."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from keyuan.engines.mail import Answer, Channel, Server, SmtpChannel
from keyuan.engines.mail.sink import letters_in, serve_sink
from mail.post_office import NOW, PASSWORD, SENDER, USER, Paper, body, certificate, letter, post_office, read

CHANNELS = ("sink", "starttls and a sign-in", "tls and a sign-in", "paper")


class World(NamedTuple):
    """A channel, and the letters that arrived at its end."""

    channel: Channel
    taken: Callable[[], list[bytes]]


def channel_to(server: Server, *, delivers: bool = True) -> SmtpChannel:
    return SmtpChannel(server, SENDER, lambda: NOW, delivers=delivers)


@contextmanager
def sink_in(folder: Path) -> Generator[int]:
    """Run a sink in a thread and give its port."""
    stop, ready, ports = threading.Event(), threading.Event(), list[int]()

    def told(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=serve_sink, args=(folder, 0, stop.wait, told))
    thread.start()
    assert ready.wait(20)
    try:
        yield ports[0]
    finally:
        stop.set()
        thread.join(20)


@contextmanager
def world(kind: str, folder: Path) -> Generator[World]:
    if kind == "paper":
        paper = Paper()
        yield World(paper, lambda: paper.taken)
    elif kind == "sink":
        with sink_in(folder) as port:
            channel = channel_to(Server(host="127.0.0.1", port=port), delivers=False)
            yield World(channel, lambda: [each.read_bytes() for each in letters_in(folder)])
    else:
        path, implicit = certificate(folder), kind.startswith("tls")
        with post_office(path, implicit=implicit, signed_in=True) as office:
            server = Server(
                host="127.0.0.1",
                port=office.port,
                implicit_tls=implicit,
                user=USER,
                password=PASSWORD,
                ca_file=str(path),
            )
            yield World(channel_to(server), lambda: office.taken)


@pytest.fixture(params=CHANNELS)
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(request.param, tmp_path) as found:
        yield found
        found.channel.close()


def answers(channel: Channel, *letters: object) -> list[Answer]:
    channel.open()
    return [each.answer for each in channel.send(letters, 60)]


def test_a_letter_arrives_as_it_was_written(there: World):
    sent = letter(to="anna@example.com")
    assert answers(there.channel, sent) == [Answer.ACCEPTED]
    (raw,) = there.taken()
    found = read(raw)
    assert found["Subject"] == sent.subject
    assert body(found, "plain") == sent.text
    assert body(found, "html") == sent.html
    assert [each.addr_spec for each in found["To"].addresses] == ["anna@example.com"]
    assert found["From"].addresses[0].display_name == "Corner Shop 街角小店"
    assert found["From"].addresses[0].addr_spec == "offers@shop.example"
    assert found["Content-Language"] == "zh-CN"
    assert parsedate_to_datetime(found["Date"]) == NOW
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 78 + len("\r\n")


def test_every_letter_names_the_address_of_one_click_and_what_to_post_there(there: World):
    here, mailto = letter(number=7), "mailto:stop@shop.example?subject=u_1"
    answers(there.channel, here, letter(number=8, unsubscribe_mailto=mailto))
    first, second = map(read, there.taken())
    assert first["List-Unsubscribe"].strip() == f"<{here.unsubscribe_url}>"
    assert second["List-Unsubscribe"].split(", ")[1] == f"<{mailto}>"
    assert first["List-Unsubscribe-Post"] == second["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_letter_that_is_sent_again_has_its_message_id_and_no_other_has(there: World):
    answers(there.channel, letter(number=1), letter(number=2))
    answers(there.channel, letter(number=1))
    found = [read(raw)["Message-ID"] for raw in there.taken()]
    assert found[0] == found[2] == f"<{0:031}1@shop.example>"
    assert found[1] not in (found[0], found[2])


def test_answers_stand_in_the_order_of_the_letters(there: World):
    wrong = (
        "",
        "anna",
        "an na@example.com",
        "a@b@c",
        "anna@example.com\r\nBcc: eve@example.com",
        "<a@b.c>",
        "a" * 250 + "@b.c",
    )
    letters = [letter(number=number, to=to) for number, to in enumerate(["a@b.example", *wrong, "c@d.example"])]
    found = answers(there.channel, *letters)
    assert found == [Answer.ACCEPTED, *[Answer.NEVER] * len(wrong), Answer.ACCEPTED]
    assert [read(raw)["To"] for raw in there.taken()] == ["a@b.example", "c@d.example"]


def test_what_is_out_of_time_is_left_untried(there: World):
    there.channel.open()
    assert [each.answer for each in there.channel.send([letter(), letter(number=2)], 0)] == [Answer.UNTRIED] * 2
    assert not there.taken()


def test_a_channel_that_was_closed_is_opened_again(there: World):
    there.channel.open()
    there.channel.close()
    there.channel.close()
    there.channel.open()
    assert answers(there.channel, letter()) == [Answer.ACCEPTED]


def test_the_sink_marks_what_it_keeps_and_shows_it_to_its_owner_only(tmp_path: Path):
    folder = tmp_path / "mail"
    with world("sink", folder) as there:
        assert not there.channel.delivers
        assert (
            answers(there.channel, letter(to="anna@example.com"), letter(to="änne@example.com"))
            == [Answer.ACCEPTED] * 2
        )
        there.channel.close()
    assert folder.stat().st_mode & 0o077 == 0
    assert [each.stat().st_mode & 0o777 for each in folder.iterdir()] == [0o600, 0o600]
    found = [read(each.read_bytes()) for each in letters_in(folder)]
    assert [each["X-Keyuan-Sink"] for each in found] == ["kept by the sink of Keyuan, delivered to nobody"] * 2
    assert [each["To"] for each in found] == ["anna@example.com", "änne@example.com"]
    assert datetime.now(UTC).strftime("%Y") in letters_in(folder)[0].name
