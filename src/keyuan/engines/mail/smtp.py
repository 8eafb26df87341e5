"""Letters by SMTP: one connection for many, encrypted unless it stays on this machine, signed in if a name is set.

Deliberately not here: bounces that come back as letters; nobody reads the mailbox of `mail_from`.
Units: seconds. Source: RFC 5321 (SMTP), RFC 3463 (status codes), RFC 6531 (addresses outside ASCII).
"""

import asyncio
import ipaddress
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from typing import Final
from urllib.parse import urlsplit

import aiosmtplib

from keyuan.engines.mail.compose import composed
from keyuan.engines.mail.model import (
    Answer,
    ChannelRefusedError,
    ChannelUnreachableError,
    Letter,
    Outcome,
    is_address,
)

CONNECT_S: Final = 20.0
LETTER_S: Final = 30.0
_GOODBYE_S: Final = 2.0
_LINGER_S: Final = 0.1
_GOING_AWAY: Final = 421
_PERMANENT: Final = 500
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_LOST = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A mail server and how to talk to it; `smtps` is encrypted from the first byte, `smtp` by STARTTLS."""

    host: str
    port: int
    implicit_tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine; only then nothing needs to be encrypted."""
        if self.host == "localhost":
            return True
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False


def server_at(url: str, *, user: str | None = None, password: str | None = None, ca_file: str | None = None) -> Server:
    """Return the server that an address names, as the settings have checked it: smtp://host or smtps://host:port."""
    parts = urlsplit(url)
    implicit = parts.scheme == "smtps"
    return Server(
        host=parts.hostname or "",
        port=parts.port or (465 if implicit else 587),
        implicit_tls=implicit,
        user=user,
        password=password,
        ca_file=ca_file,
    )


class SmtpChannel:
    """A connection to a mail server. Everything is given: the server, the sender, the clock."""

    def __init__(self, server: Server, sender: Address, now: Callable[[], datetime], *, delivers: bool = True) -> None:
        self._server = server
        self._sender = sender
        self._now = now
        self._delivers = delivers
        self._runner: asyncio.Runner | None = None
        self._smtp: aiosmtplib.SMTP | None = None
        self._fault: ChannelRefusedError | None = None

    @property
    def delivers(self) -> bool:
        """Whether what it takes may reach somebody."""
        return self._delivers

    def open(self) -> None:
        """Be connected and signed in; a sender that was refused is told here, where no letter is on its way."""
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._runner.run(self._open())

    def send(self, letters: Sequence[Letter], within_s: float) -> list[Outcome]:
        """Send letters one by one; once the connection is lost, the others are left untried."""
        if self._runner is None:
            return [Outcome(Answer.UNTRIED)] * len(letters)
        return self._runner.run(self._send_all(letters, within_s))

    def close(self) -> None:
        """Say goodbye."""
        if self._runner is not None:
            self._runner.run(self._goodbye())
            self._runner.close()
            self._runner = None

    async def _open(self) -> None:
        if self._smtp is not None:
            try:
                await self._smtp.noop(timeout=CONNECT_S)
            except (aiosmtplib.SMTPException, *_LOST):
                self._drop()
            else:
                return
        smtp = self._new()
        try:
            await smtp.connect()
        except (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPNotSupported) as refused:
            code = getattr(refused, "code", None)
            raise ChannelRefusedError("The mail server does not let us in: is the sign-in right?", code=code) from None
        except aiosmtplib.SMTPResponseException as refused:
            raise ChannelRefusedError(code=refused.code) from None
        except _LOST as silent:
            raise ChannelUnreachableError(failure=type(silent).__name__) from None
        except aiosmtplib.SMTPException:
            raise ChannelRefusedError("The mail server does not encrypt; it must, or be on this machine.") from None
        self._smtp = smtp

    def _new(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.implicit_tls,
            start_tls=False if server.implicit_tls else not server.is_here or server.user is not None,
            cert_bundle=server.ca_file,
            local_hostname="localhost" if server.is_here else None,
            timeout=CONNECT_S,
        )

    async def _send_all(self, letters: Sequence[Letter], within_s: float) -> list[Outcome]:
        until_s = time.monotonic() + within_s
        outcomes: list[Outcome] = []
        for letter in letters:
            if self._smtp is None or time.monotonic() >= until_s:
                break
            outcomes.append(await self._send(self._smtp, letter))
        return outcomes + [Outcome(Answer.UNTRIED)] * (len(letters) - len(outcomes))

    async def _send(self, smtp: aiosmtplib.SMTP, letter: Letter) -> Outcome:
        if not is_address(letter.to):
            return Outcome(Answer.NEVER, "this is no e-mail address")
        try:
            await asyncio.wait_for(self._hand_over(smtp, letter), LETTER_S)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return self._refused(refused.recipients[0])
        except aiosmtplib.SMTPResponseException as refused:
            return self._refused(refused)
        except aiosmtplib.SMTPNotSupported:
            return Outcome(Answer.NEVER, "the mail server takes no addresses outside ASCII")
        except _LOST:
            self._drop()
            return Outcome(Answer.LATER, "the connection was lost")
        return Outcome(Answer.ACCEPTED)

    async def _hand_over(self, smtp: aiosmtplib.SMTP, letter: Letter) -> None:
        body = composed(letter, self._sender, self._now())
        options = [] if letter.to.isascii() else ["SMTPUTF8"]
        await smtp.sendmail(self._sender.addr_spec, [letter.to], body, mail_options=options)

    def _refused(self, refused: aiosmtplib.SMTPResponseException) -> Outcome:
        """Say it by its codes alone: servers repeat the address in their words."""
        if isinstance(refused, aiosmtplib.SMTPSenderRefused) and refused.code >= _PERMANENT:
            self._drop()
            self._fault = ChannelRefusedError("The mail server does not take our sender.", code=refused.code)
            return Outcome(Answer.UNTRIED)
        if refused.code == _GOING_AWAY:
            self._drop()
        status = _STATUS.match(refused.message)
        reason = f"refused with {refused.code}" + (f" {status[0]}" if status else "")
        return Outcome(Answer.NEVER if refused.code >= _PERMANENT else Answer.LATER, reason)

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    async def _goodbye(self) -> None:
        if self._smtp is not None:
            with suppress(aiosmtplib.SMTPException, *_LOST):
                await self._smtp.quit(timeout=_GOODBYE_S)
        self._drop()
        await asyncio.sleep(_LINGER_S)  # closing TLS takes an answer; a loop that ends before it leaves a socket open
