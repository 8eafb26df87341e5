"""A letter as the bytes that travel: plain text and HTML, one recipient, a way to unsubscribe with one click.

Lines are short and of ASCII only, so every server takes them. The headers of RFC 8058 stand in every letter:
`List-Unsubscribe` names an address, `List-Unsubscribe-Post` says that a single POST there does it.
Source: RFC 5322 (format), RFC 2045 to 2049 (MIME), RFC 2369 and RFC 8058 (unsubscribing).
"""

from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from keyuan.engines.mail.model import Letter, is_address
from keyuan.kernel.errors import InputError

_POLICY: Final = policy.SMTP.clone(cte_type="7bit")
_POLICY_UTF8: Final = policy.SMTPUTF8.clone(cte_type="7bit")
ONE_CLICK: Final = "List-Unsubscribe=One-Click"


class SenderAddressError(InputError):
    """`mail_from` is an e-mail address, with a name before it if you like: Corner Shop <offers@shop.example>."""


def sender_of(text: str) -> Address:
    """Return the name and address that letters come from.

    Raises:
        SenderAddressError: it is none.
    """
    message = EmailMessage(_POLICY)
    try:
        message["From"] = text
        (found,) = message["From"].addresses
        if not is_address(found.addr_spec) or not found.addr_spec.isascii():
            raise SenderAddressError
    except (ValueError, IndexError):
        raise SenderAddressError from None
    return found


def message_id(letter: Letter, sender: Address) -> str:
    """Return the Message-ID: the letter's own, however often it is sent."""
    return f"<{letter.id.hex}@{sender.domain}>"


def composed(letter: Letter, sender: Address, now: datetime) -> bytes:
    """Return a letter as it travels."""
    message = EmailMessage(_POLICY if letter.to.isascii() else _POLICY_UTF8)
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(letter, sender)
    ways = [letter.unsubscribe_url, *([letter.unsubscribe_mailto] if letter.unsubscribe_mailto else [])]
    message["List-Unsubscribe"] = ", ".join(f"<{way}>" for way in ways)
    message["List-Unsubscribe-Post"] = ONE_CLICK
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    message["Content-Language"] = letter.language  # of the whole: set before, it would move into a part
    return message.as_bytes()
