"""Where a programme meets its contract: its rule, as the contract holds it."""

from keyuan.contracts import Book, Terms, doubled_digest, name_digest
from keyuan.loyalty import Programme


def terms_of(programme: Programme) -> tuple[Book, Terms]:
    """Return whose points a programme's terms are about, and its rule as the contract holds it."""
    rule = programme.rule
    book = Book(name_digest(programme.brand), name_digest(programme.currency), name_digest(rule.name))
    doubled = doubled_digest(rule.doubled_categories)
    return book, Terms(rule.starts_at_us, rule.minor_per_point, rule.daily_cap, rule.expiry_months, doubled)
