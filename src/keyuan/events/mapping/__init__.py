"""A mapping file says what the columns of a file mean; by it, rows become events of the Segment specification. Pure."""

from keyuan.events.mapping.build import events_of, refused_lines
from keyuan.events.mapping.load import load_mapping, parse_mapping
from keyuan.events.mapping.merge import CALENDAR_RANK, Made, dates_of, merged
from keyuan.events.mapping.model import Dated, Mapping, MappingError, dated
from keyuan.events.mapping.plan import SourcePlan, columns_wanted, lookups_of, plan_source, unused_columns

__all__ = [
    "CALENDAR_RANK",
    "Dated",
    "Made",
    "Mapping",
    "MappingError",
    "SourcePlan",
    "columns_wanted",
    "dated",
    "dates_of",
    "events_of",
    "load_mapping",
    "lookups_of",
    "merged",
    "parse_mapping",
    "plan_source",
    "refused_lines",
    "unused_columns",
]
