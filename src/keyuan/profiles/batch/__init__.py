"""The traits of everybody at one instant by SQL over the whole log: the second, independent way.

It shares no code with the fold except the catalogue's order, and can answer any past instant. Deliberately not here:
reading the log and asking for consent (flows give only facts that may be used).
"""

from keyuan.profiles.batch.inputs import LogTables, gather
from keyuan.profiles.batch.traits import batch_traits

__all__ = ["LogTables", "batch_traits", "gather"]
