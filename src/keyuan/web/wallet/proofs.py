"""Check my points: the page whose verdict only the browser gives, and the files that it and she need for it.

The server hands out a bundle and says where commitments stand; it never says that anything is right. This page alone
may connect to other hosts, because she chooses which node of the chain to ask.
"""

import json
from importlib import resources
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from keyuan.flows import wallet
from keyuan.flows.prove import Proof
from keyuan.flows.wallet_proofs import Anchor, Proofs, anchor_of
from keyuan.kernel.errors import MissingError
from keyuan.web.errors import problem_of
from keyuan.web.pages import language_of, page, translator
from keyuan.web.pages.render import policy
from keyuan.web.wallet.guard import Guard, Visit
from keyuan.web.wallet.me import attachment
from keyuan.web.wallet.words import WORDS

CONNECT: Final = "'self' https: http://127.0.0.1:* http://localhost:*"
_VERIFIER: Final = "keyuan_verify.py"


class NoSuchProgrammeError(MissingError):
    """There is no programme of this name in which you have points to prove."""


class Proving:
    """The handlers of the check and its files."""

    def __init__(self, guard: Guard, rpc: str) -> None:
        self._guard = guard
        self._rpc = rpc
        self._proofs = Proofs()

    async def check(self, request: Request) -> Response:
        """Show the page; nothing on it is checked until her browser has done so."""

        def read(visit: Visit) -> tuple[wallet.Purse | None, Anchor | None]:
            purses = wallet.purses_of(visit.session, visit.person)
            return _purse(purses, request.query_params.get("programme")), anchor_of(visit.session)

        purse, anchor = await self._guard.let_in(request, read)
        words = translator(language_of(request))
        named = urlencode({"programme": purse.programme.id}) if purse else ""
        shown = {
            "tab": None,
            "brand": purse.programme.name if purse else None,
            "bundle": f"/{language_of(request)}/w/bundle.json?{named}",
            "rpc": self._rpc,
            "contract": anchor.contract.hex() if anchor else "",
            "chain_id": anchor.chain_id if anchor else "",
            "shown": purse.available if purse else 0,
            "words": {name: words.gettext(sentence) for name, sentence in WORDS.items()},
        }
        return page(request, "wallet/check.html", shown, csp=policy(connect_src=CONNECT))

    async def bundle(self, request: Request) -> Response:
        """Give the bundle of one programme's points."""

        def read(visit: Visit) -> Proof:
            purse = _purse(wallet.purses_of(visit.session, visit.person), request.query_params.get("programme"))
            proofs = self._proofs.of(visit.session, visit.person)
            for proof in proofs:
                if purse and (proof.brand, proof.currency) == (purse.programme.brand, purse.programme.currency):
                    return proof
            raise NoSuchProgrammeError

        try:
            proof = await self._guard.let_in(request, read, snapshot=True)
        except MissingError as error:
            return problem_of(error)
        body = json.dumps(proof.file, ensure_ascii=False).encode()
        return attachment(body, "keyuan-proof.json", "application/json", **{"Keyuan-Newer": str(proof.newer)})

    async def commitments(self, request: Request) -> Response:
        """Give the commitments, for the check without a chain."""
        try:
            found = await self._guard.let_in(
                request, lambda visit: self._proofs.commitments(visit.session), snapshot=True
            )
        except MissingError as error:
            return problem_of(error)
        return attachment(json.dumps(found).encode(), "keyuan-commitments.json", "application/json")

    async def verifier(self, _request: Request) -> Response:
        """Give the program, byte for byte as it was shipped."""
        body = resources.files("keyuan.anchor").joinpath(_VERIFIER).read_bytes()
        return attachment(body, _VERIFIER, "text/x-python; charset=utf-8")


def _purse(purses: list[wallet.Purse], programme: str | None) -> wallet.Purse | None:
    named = [each for each in purses if each.programme.id == programme]
    return named[0] if named else wallet.first_of(purses)
