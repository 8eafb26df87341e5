"""A campaign is written down: whom it is for, what they are offered, and how it will be judged; nothing happens yet.

Everything that decides the outcome is said here, before anybody is looked at: the salt and the share held out, the
time that counts, the time before. Deliberately not here: whether it can be launched (`campaign_checks`).
"""

from collections.abc import Mapping
from enum import StrEnum

from keyuan import campaigns, loyalty, promotions, segments
from keyuan.campaigns import Campaign, Fault
from keyuan.engines.database import Session
from keyuan.kernel.errors import InputError
from keyuan.promotions import Offer

OFFER = "offer_"
"""What precedes the fields of the offer among the faults of a draft."""


class DraftFaultError(InputError):
    """A draft cannot be kept; `faults` says what is wrong with which field, those of the offer after `offer_`."""

    def __init__(self, faults: Mapping[str, StrEnum]) -> None:
        super().__init__(**{name: fault.value for name, fault in faults.items()})
        self.faults = dict(faults)


def save_draft(session: Session, campaign: Campaign, offer: Offer) -> Campaign:
    """Keep a draft and its offer, new or in the place of the ones before, and return it with its number.

    Raises:
        DraftFaultError: everything that is wrong, at once.
        NoDraftError: a campaign of this name was launched.
        OfferGivenError: coupons of another offer of this name were given out.
    """
    faults = _faults(session, campaign, offer)
    if faults:
        raise DraftFaultError(faults)
    try:
        kept = campaigns.save_draft(session, campaign)
    except campaigns.CampaignFaultError as error:
        raise DraftFaultError(error.faults) from None
    promotions.save_offer(session, offer)
    return kept


def delete_draft(session: Session, name: str) -> None:
    """Delete a draft and its offer.

    Raises:
        UnknownCampaignError: there is no such campaign.
        NoDraftError: it was launched.
    """
    offer = campaigns.campaign(session, name).offer
    campaigns.delete_draft(session, name)
    promotions.delete_offer(session, offer)


def _faults(session: Session, campaign: Campaign, offer: Offer) -> dict[str, StrEnum]:
    found: dict[str, StrEnum] = {OFFER + field: fault for field, fault in promotions.faults(offer).items()}
    found |= campaigns.faults(campaign)
    if campaign.segment not in {segment.name for segment in segments.segments(session)}:
        found["segment"] = Fault.UNKNOWN
    if campaign.brand not in {programme.brand for programme in loyalty.programmes(session)}:
        found["brand"] = Fault.UNKNOWN
    if offer.name != campaign.offer:
        found["offer"] = Fault.UNKNOWN
    if offer.currency != campaign.currency:
        found[OFFER + "currency"] = Fault.UNKNOWN
    return found
