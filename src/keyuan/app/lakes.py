"""The lake of an installation: where it lies, who fills it, and what it says."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from keyuan import campaigns
from keyuan.app.installation import Installation
from keyuan.engines.lake import Lake
from keyuan.kernel.clock import system_now

if TYPE_CHECKING:
    from keyuan.flows.insight import InsightReader
    from keyuan.flows.lake import LakeWriter
    from keyuan.flows.measure_running import CampaignReader

FOLDER: Final = "lake"


def open_lake(installation: Installation) -> Lake:
    """Return the lake in the data folder; it is made when the first rows are written."""
    from keyuan.engines.lake.embedded import DeltaLake  # noqa: PLC0415  # half a second, for who needs it only

    return DeltaLake(installation.folder / FOLDER)


def lake_writer(installation: Installation, tenant: int) -> "LakeWriter":
    """Return what fills a tenant's tables."""
    from keyuan.flows.lake import LakeWriter  # noqa: PLC0415  # likewise

    return LakeWriter(installation.database, installation.secrets, open_lake(installation), tenant)


def insight_as_of(installation: Installation, as_of: datetime) -> dict[str, Any]:
    """Bring the lake to where log and ledger end, and return the metrics as of an instant; none without a lake.

    The console shows them from then on.

    Raises:
        LakeAheadError: the tables are not those of this database.
    """
    if installation.settings.lake == "off":
        return {}
    from keyuan.flows.insight import insight_figures, read_insight  # noqa: PLC0415  # a second, as above

    lake_writer(installation, installation.tenant).catch_up()
    lake = open_lake(installation)
    return insight_figures(read_insight(installation.database, lake, installation.tenant, as_of, system_now()))


def insight_reader(installation: Installation, tenant: int) -> "InsightReader":
    """Return what keeps a tenant's reading of the metrics true."""
    from keyuan.flows.insight import InsightReader  # noqa: PLC0415  # likewise

    return InsightReader(installation.database, open_lake(installation), tenant)


def campaign_reader(installation: Installation, tenant: int) -> "CampaignReader":
    """Return what keeps the readings of a tenant's campaigns true."""
    from keyuan.flows.measure_running import CampaignReader  # noqa: PLC0415  # likewise

    return CampaignReader(installation.database, installation.secrets, open_lake(installation), tenant)


def campaign_as_of(installation: Installation, name: str, as_of: datetime) -> dict[str, Any]:
    """Bring the lake to where the log ends, and return what a launched campaign has done; nothing without a lake.

    The console shows it from then on.

    Raises:
        LakeAheadError: the tables are not those of this database.
        UnknownCampaignError, UnknownExperimentError: it was not launched.
        NobodyToMeasureError: nobody of it may be followed.
    """
    if installation.settings.lake == "off":
        return {}
    from keyuan.flows.measure import keep_measured  # noqa: PLC0415  # a second, as above

    lake_writer(installation, installation.tenant).catch_up()
    lake = open_lake(installation)
    with installation.session() as session:
        campaign = campaigns.campaign(session, name)
        return keep_measured(session, lake, installation.secrets, campaign, as_of, system_now())
