"""Who is in which arm, and what the arms say: assignment by hash, honest statistics, verdicts in words.

Fetching aggregates (`fetch`) and analysing them (`analysis`) never meet in one function. Both are imported from their
own modules, because they bring Ibis and the statistics with them; assignment needs neither.
"""

from keyuan.experiments.assignment import assign, hold_out
from keyuan.experiments.model import Design, DesignError, Metric, Moments, Observed

__all__ = ["Design", "DesignError", "Metric", "Moments", "Observed", "assign", "hold_out"]
