"""A real mail server on a free port, whose answers depend on whom a letter is for; and a channel made of paper."""

import asyncio
import ipaddress
import logging
import ssl
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keyuan.engines.mail import Answer, Letter, Outcome, composed, is_address, sender_of

SENDER = sender_of("Corner Shop 街角小店 <offers@shop.example>")
USER, PASSWORD = "offers", "right horse"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)

REFUSED_AT_RCPT = {
    "nobody": "550 5.1.1 <{}>: no such mailbox",
    "full": "452 4.2.2 the mailbox of {} is full",
    "leaving": "421 4.3.2 going down, {}",
}


def letter(to: str = "anna@example.com", number: int = 1, **changed: Any) -> Letter:
    """Return a letter to somebody."""
    given: dict[str, Any] = {
        "id": UUID(int=number),
        "to": to,
        "language": "zh-CN",
        "subject": "5 元牛奶券",
        "text": "你好：\n\n这是给你的券。\n" + "很长的一行" * 200 + "\n",
        "html": '<p>这是给你的券。<a href="https://shop.example/u/x">退订</a></p>\n',
        "unsubscribe_url": f"https://shop.example/u/u_1_{number:043}",
    }
    return Letter(**given | changed)


def read(raw: bytes) -> EmailMessage:
    """Return a letter as a mail program reads it."""
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def body(message: EmailMessage, kind: str) -> str:
    """Return the plain or the HTML part of a letter."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class PostOffice:
    """What a mail server took in, and how it answers: by the part of an address before the @."""

    port: int = 0
    taken: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0
    slow_s: float = 0.0
    signed_in: bool = False
    refuse_sender: bool = False
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    transports: list[asyncio.WriteTransport] = field(default_factory=list[asyncio.WriteTransport])

    async def handle_MAIL(self, _s: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802  # its name
        if self.signed_in and not session.authenticated:
            return "530 5.7.0 sign in first"
        if self.refuse_sender:
            return f"553 5.7.1 {address} does not belong to you"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _s: SMTP, _session: Any, envelope: Any, address: str, _o: Any) -> str:  # noqa: N802  # likewise
        name = address.partition("@")[0]
        if name in REFUSED_AT_RCPT:
            return REFUSED_AT_RCPT[name].format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802  # likewise
        name = envelope.rcpt_tos[0].partition("@")[0]
        if name == "spam":
            return f"554 {envelope.rcpt_tos[0]} does not want this"
        if name == "cut":
            cast("asyncio.WriteTransport", server.transport).abort()
            await asyncio.sleep(0)
        self.taken.append(envelope.content)
        await asyncio.sleep(self.slow_s)
        return "250 OK"

    def hang_up(self) -> None:
        """Cut all connections, as a server does that is started again."""
        for each in self.transports:
            self.loop.call_soon_threadsafe(each.abort)


class _Counting(SMTP):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(self.event_handler, PostOffice) and self._original_transport is None:
            self.event_handler.connections += 1
            self.event_handler.transports.append(cast("asyncio.WriteTransport", transport))
        super().connection_made(transport)


def _is_right(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def post_office(
    certificate: Path | None = None, *, implicit: bool = False, signed_in: bool = False
) -> Generator[PostOffice]:
    """Serve one; with a certificate it speaks STARTTLS, or TLS from the start if that is `implicit`."""
    logging.getLogger("mail").setLevel(logging.CRITICAL)
    office, ready = PostOffice(), threading.Event()
    loop = office.loop
    tls = _tls(certificate) if certificate else None
    options: dict[str, Any] = {"hostname": "localhost", "loop": loop, "enable_SMTPUTF8": False}
    if signed_in:
        # To the server what runs inside TLS from the start is plain, so it is `handle_MAIL` that asks for the sign-in.
        options |= {"authenticator": _is_right, "auth_require_tls": not implicit}
        office.signed_in = True
    if tls and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}

    def run() -> None:
        made = loop.create_server(lambda: _Counting(office, **options), "127.0.0.1", 0, ssl=tls if implicit else None)
        server = loop.run_until_complete(made)
        office.port = server.sockets[0].getsockname()[1]
        loop.call_soon(ready.set)
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        for each in office.transports:
            if not each.is_closing():  # until Python 3.11.3 one under TLS fails when it is closed already
                each.abort()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    try:
        yield office
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        assert not thread.is_alive()


def certificate(folder: Path) -> Path:
    """Write a certificate of 127.0.0.1 with its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "mail.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


def _tls(path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


@dataclass
class Paper:
    """A channel that keeps letters in memory; `script` gives outcomes by address, everybody else accepts."""

    delivers: bool = True
    taken: list[bytes] = field(default_factory=list[bytes])
    script: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    now: datetime = NOW

    def open(self) -> None:
        """Paper is always open."""

    def send(self, letters: Sequence[Letter], within_s: float) -> list[Outcome]:
        return [Outcome(Answer.UNTRIED) if within_s <= 0 else self._send(each) for each in letters]

    def close(self) -> None:
        """Nothing to close."""

    def _send(self, letter: Letter) -> Outcome:
        if not is_address(letter.to):
            return Outcome(Answer.NEVER, "this is no e-mail address")
        outcome = self.script.get(letter.to, Outcome(Answer.ACCEPTED))
        if outcome.answer is Answer.ACCEPTED:
            self.taken.append(composed(letter, SENDER, self.now))
        return outcome
