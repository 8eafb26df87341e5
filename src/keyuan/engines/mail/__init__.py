"""Mail: letters out by SMTP, and a sink on this machine for trying out.

The sink has a module of its own (`keyuan.engines.mail.sink`), so that only its process loads it.
"""

from keyuan.engines.mail.compose import ONE_CLICK, SenderAddressError, composed, message_id, sender_of
from keyuan.engines.mail.model import (
    Answer,
    Channel,
    ChannelRefusedError,
    ChannelUnreachableError,
    Letter,
    Outcome,
    is_address,
)
from keyuan.engines.mail.smtp import Server, SmtpChannel, server_at

__all__ = [
    "ONE_CLICK",
    "Answer",
    "Channel",
    "ChannelRefusedError",
    "ChannelUnreachableError",
    "Letter",
    "Outcome",
    "SenderAddressError",
    "Server",
    "SmtpChannel",
    "composed",
    "is_address",
    "message_id",
    "sender_of",
    "server_at",
]
