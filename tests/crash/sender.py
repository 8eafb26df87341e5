"""A sending process by itself, to be killed: `python sender.py`, with what it needs as JSON on standard input."""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from keyuan.engines.database import Database
from keyuan.engines.mail import Server, SmtpChannel, sender_of
from keyuan.engines.secrets import open_secrets
from keyuan.flows.deliver import Deliverer, Links
from keyuan.kernel.clock import system_now

LEASE = timedelta(seconds=0.5)


def main() -> None:
    """Send until nothing has waited for longer than a lease."""
    given = json.load(sys.stdin)
    secrets = open_secrets(Path(given["keys"]))
    channel = SmtpChannel(
        Server(host="127.0.0.1", port=given["port"]), sender_of("Shop <offers@shop.example>"), system_now
    )
    with Database(given["app"], bytes.fromhex(given["token_key"])) as database:
        deliverer = Deliverer(database, secrets, 1, channel, Links(site="https://shop.example"), LEASE)
        last_s = time.monotonic()
        while time.monotonic() - last_s < 2 * LEASE.total_seconds():
            if deliverer.step():
                last_s = time.monotonic()
            time.sleep(0.01)
    channel.close()


if __name__ == "__main__":
    main()
