"""The outbox: transactions that are signed once, kept, and sent until they are final."""

from keyuan.engines.chain.outbox.model import Attempt, Policy, State
from keyuan.engines.chain.outbox.post import AccountSigner, JobConflictError, JobStandsError, Outbox
from keyuan.engines.chain.outbox.store import OutboxStore

__all__ = [
    "AccountSigner",
    "Attempt",
    "JobConflictError",
    "JobStandsError",
    "Outbox",
    "OutboxStore",
    "Policy",
    "State",
]
