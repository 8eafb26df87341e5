"""Where people look: the console with its first account, and a customer's wallet by her own link."""

import webbrowser
from typing import Any, Final

from keyuan.app.installation import Installation
from keyuan.flows.staff import console_member
from keyuan.flows.wallet_links import wallet_link
from keyuan.kernel.clock import system_now

OWNER: Final = "owner"


def console_face(installation: Installation, url: str) -> dict[str, Any]:
    """Return the console's addresses and its first account; the password only until its owner has chosen her own."""
    password = console_member(installation.database, installation.tenant, OWNER, system_now())
    found = {"console": f"{url}/en/console", "console_zh": f"{url}/zh/console", "console_user": OWNER}
    return found if password is None else found | {"console_password": password}


def wallet_face(installation: Installation, url: str, user_id: str) -> dict[str, Any]:
    """Return a new address of somebody's wallet. Whoever has it is let in as her."""
    with installation.session() as session:
        return {"wallet_of": user_id, "wallet": wallet_link(session, installation.secrets, user_id, url)}


def show(url: str) -> bool:
    """Open the first page in the browser of whoever sits here; tell whether there is one.

    The page leads to the language that the browser prefers, and to signing in.
    """
    try:
        return webbrowser.open(f"{url}/")
    except webbrowser.Error:
        return False
