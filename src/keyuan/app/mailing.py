"""Letters of an installation: where they go, who sends them, and how often a mail server in trouble is asked again.

The sink is a process of its own; its port is chosen by whoever serves. Deliberately not here: whose letter goes out
(`flows.deliver`).
Units: seconds.
"""

import logging
import time
from datetime import timedelta
from typing import Any, Final

from keyuan import campaigns
from keyuan.app.installation import Installation
from keyuan.campaigns import Channel as Way
from keyuan.campaigns import MessageState
from keyuan.campaigns.model import LEASE
from keyuan.engines.mail import (
    Channel,
    ChannelRefusedError,
    ChannelUnreachableError,
    Server,
    SmtpChannel,
    sender_of,
    server_at,
)
from keyuan.flows.deliver import Deliverer, Links
from keyuan.kernel.clock import system_now
from keyuan.kernel.config import Settings

SINK: Final = "sink"
OFF: Final = "off"
_SINK_HOST: Final = "127.0.0.1"
_FROM_NOBODY: Final = "Keyuan <offers@keyuan.invalid>"
_WAIT_S: Final = 0.5
_WAIT_S_MAX: Final = 60.0
_SINK_LEASE: Final = timedelta(seconds=10)
"""It answers at once or has died, and one that it gets twice reaches nobody."""

_log = logging.getLogger(__name__)


def open_channel(settings: Settings, sink_port: int) -> Channel:
    """Return the way that the settings name; nothing is connected yet.

    Raises:
        SenderAddressError: `mail_from` is no address.
    """
    sender = sender_of(settings.mail_from or _FROM_NOBODY)
    if settings.smtp == SINK:
        return SmtpChannel(Server(host=_SINK_HOST, port=sink_port), sender, system_now, delivers=False)
    ca_file = None if settings.smtp_ca_file is None else str(settings.smtp_ca_file)
    server = server_at(settings.smtp, user=settings.smtp_user, password=settings.mail_password(), ca_file=ca_file)
    return SmtpChannel(server, sender, system_now)


class Mailroom:
    """Sends the letters of all tenants over one channel; a server in trouble is asked again less and less often."""

    def __init__(self, installation: Installation, channel: Channel, site: str) -> None:
        self._installation = installation
        self._channel = channel
        self._links = Links(site=site, mailto=installation.settings.mail_unsubscribe)
        self._lease = LEASE if channel.delivers else _SINK_LEASE
        self._deliverers: dict[int, Deliverer] = {}
        self._wait_s = _WAIT_S
        self._rest_until_s = 0.0

    def step(self) -> bool:
        """Send a batch for each tenant; return whether there was anything to do.

        Raises:
            EngineError: the database is in trouble.
        """
        if time.monotonic() < self._rest_until_s:
            return False
        try:
            busy = sum([self._deliverer(tenant).step() for tenant in self._installation.tenants()]) > 0
        except (ChannelUnreachableError, ChannelRefusedError) as trouble:
            self._rest(trouble)
            return False
        self._wait_s = _WAIT_S
        if not busy:
            self._channel.close()
        return busy

    def _deliverer(self, tenant: int) -> Deliverer:
        if tenant not in self._deliverers:
            database, secrets = self._installation.database, self._installation.secrets
            self._deliverers[tenant] = Deliverer(database, secrets, tenant, self._channel, self._links, self._lease)
        return self._deliverers[tenant]

    def _rest(self, trouble: ChannelUnreachableError | ChannelRefusedError) -> None:
        """Say it once the waits are long, not for a server that is just starting, and wait twice as long each time."""
        self._channel.close()
        if self._wait_s > _WAIT_S:
            _log.warning("%s", trouble)
        self._rest_until_s = time.monotonic() + self._wait_s
        self._wait_s = min(self._wait_s * 2, _WAIT_S_MAX)


def letters_of(installation: Installation, campaign: str) -> dict[str, Any]:
    """Return how many letters of a campaign are in which state."""
    with installation.session() as session:
        counts = campaigns.message_counts(session, campaign)
    return {state.value: counts.get((Way.EMAIL, state), 0) for state in MessageState}
