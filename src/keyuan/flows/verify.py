"""Is everything as it should be? The ledger is rebuilt from its entries and compared, tenant by tenant."""

from collections.abc import Iterable

from keyuan import ledger
from keyuan.engines.database import Database


def verify(database: Database, tenants: Iterable[int]) -> list[ledger.Report]:
    """Return a report per tenant: PASS, or the first difference and its place."""
    reports: list[ledger.Report] = []
    for tenant in tenants:
        with database.transaction(tenant, snapshot=True) as session:
            reports.append(ledger.verify(session))
    return reports
