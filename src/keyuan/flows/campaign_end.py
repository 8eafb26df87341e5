"""A campaign ends: what was set aside and not spent is free again, and what waits to be sent is withheld."""

from datetime import datetime

from keyuan import campaigns
from keyuan.campaigns import State
from keyuan.engines.database import Session
from keyuan.flows.campaign_money import set_free


def end_campaign(session: Session, name: str, at: datetime) -> int:
    """End a campaign that is running, and return the money that is free again; told twice, nothing more happens.

    Raises:
        UnknownCampaignError: there is no such campaign.
        NotRunningError: it was never launched.
    """
    campaign = campaigns.lock(session, name)
    if campaign.state is State.ENDED:
        return 0
    campaigns.end(session, name)
    return set_free(session, campaign, at)
