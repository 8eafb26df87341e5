"""What may come in: the checks of an event, the tracking plan, and the split into plain and sealed."""

from keyuan.events.intake.check import DEFAULT_CURRENCY, Gate
from keyuan.events.intake.plan import Plan, parse_plan, shipped_plan

__all__ = ["DEFAULT_CURRENCY", "Gate", "Plan", "parse_plan", "shipped_plan"]
