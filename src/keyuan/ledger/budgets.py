"""From which account of a campaign's budget to which its money moves, and whether there is enough. Pure.

A budget is four accounts of one book: granted (what came in, so below zero), free, reserved and spent. They belong to
no holder; their number is the campaign's. Deliberately not here: what a campaign is, and when it may spend.
Units: minor units of the budget's currency.
"""

from keyuan.ledger.model import BALANCE_MAX, LEGS, Answer, Kind
from keyuan.ledger.requests import BudgetMove
from keyuan.ledger.state import Account, State


def budget_legs(state: State, request: BudgetMove) -> tuple[Account, Account] | Answer:
    """Return the accounts that the money moves between, or why it does not."""
    book = (request.campaign, request.brand, request.currency)
    source_bucket, target_bucket = LEGS[request.kind]
    source = state.accounts.get((source_bucket, *book))
    if request.kind is Kind.FUND:
        source = source or state.account((source_bucket, *book))
        if request.minor - source.balance > BALANCE_MAX:
            return Answer.BEYOND_LIMIT
    elif source is None or source.balance < request.minor:
        return Answer.OVER_BUDGET
    return source, state.account((target_bucket, *book))
