# pragma version 0.4.3
"""
@title ProgramTerms: the terms by which one programme gives points
@license Apache-2.0
@notice Every version of the earn rule stands here for good, with the instant from which it holds. New terms never reach
     into the past, and terms that could be worse for customers are announced some days before they begin.
     `quote` says what a purchase earns; anybody can ask it.
@dev The operator computes points off chain and lets the code of this contract compute each of them again before an epoch
     is anchored. Instants are microseconds since 1970, as in the ledger; only the block's own time is in seconds.
     Amounts are minor units of money, points are whole. All numbers of a version are below 2**63, so that every
     database and language can hold them.
"""

import publishing

initializes: publishing
exports: (
    publishing.publisher,
    publishing.pending_publisher,
    publishing.acceptable_from_s,
    publishing.rotation_delay_s,
    publishing.propose_publisher,
    publishing.cancel_proposal,
    publishing.accept_publisher,
)

# Whose points under which rule: sha256 of the brand, of the points' currency and of the rule's name.
struct Book:
    brand: bytes32
    currency: bytes32
    rule: bytes32

# One version. `doubled` is a digest of the categories whose lines count twice.
struct Terms:
    starts_at_us: uint64
    minor_per_point: uint64
    daily_cap: uint64
    expiry_months: uint64
    doubled: bytes32

# A purchase: what it cost, what of it counts once more, and the points its buyer earned that day before it.
struct Purchase:
    base_minor: uint64
    extra_minor: uint64
    earned_before: uint64

event TermsAppended:
    version: indexed(uint64)
    starts_at_us: indexed(uint64)
    terms: Terms
    terms_hash: bytes32

NUMBER_MAX: constant(uint64) = 2**63 - 1
MONTHS_MAX: constant(uint64) = 1200
SECOND_US: constant(uint256) = 10**6
NOTICE_MIN_S: constant(uint256) = 7 * 24 * 60 * 60
NOTICE_MAX_S: constant(uint256) = 365 * 24 * 60 * 60
AHEAD_MAX_S: constant(uint256) = 2 * NOTICE_MAX_S
QUOTES_MAX: constant(uint256) = 1000
SEARCH_STEPS: constant(uint256) = 64
FORMAT: constant(Bytes[1]) = x"00"

# @notice Seconds of notice before terms begin that could be worse for customers.
notice_s: public(immutable(uint256))

_BRAND: immutable(bytes32)
_CURRENCY: immutable(bytes32)
_RULE: immutable(bytes32)

# @notice The newest version; versions count from 1 without a gap. It may begin in the future.
latest: public(uint64)

_terms: HashMap[uint64, Terms]
_hash_before: HashMap[uint64, bytes32]
_announced_at_s: HashMap[uint64, uint256]


@deploy
def __init__(publisher: address, rotation_delay_s: uint256, notice: uint256, book: Book, first: Terms):
    """
    @notice The first terms begin when they say, also in the past: there were none before that they could be worse than.
    @param publisher Who may append terms.
    @param rotation_delay_s Seconds that a change of the publisher takes at least.
    @param notice Seconds of notice, from 7 to 365 days.
    @param book Whose points these terms are about.
    @param first Version 1.
    """
    publishing.__init__(publisher, rotation_delay_s)
    assert notice >= NOTICE_MIN_S, "ProgramTerms: notice under 7 days"
    assert notice <= NOTICE_MAX_S, "ProgramTerms: notice over 365 days"
    assert book.brand != empty(bytes32), "ProgramTerms: no brand"
    assert book.currency != empty(bytes32), "ProgramTerms: no currency"
    assert book.rule != empty(bytes32), "ProgramTerms: no rule"
    notice_s = notice
    _BRAND = book.brand
    _CURRENCY = book.currency
    _RULE = book.rule
    self._check_numbers(first)
    self._keep(1, first, empty(bytes32), self._terms_hash(book, 1, first, empty(bytes32)))


@external
def append(version: uint64, terms: Terms):
    """
    @notice Announce the next terms. They begin after the version before, not before this block, and with notice if
         they cost more per point, lower the cap, shorten the expiry or change what counts twice.
    @dev The number is demanded, so that a transaction that is sent twice is refused the second time. Each version is
         compared with the one before it, whose start is earlier: so at no start do customers lose anything that was
         not announced in time, in however many steps it came.
    @param version The number that follows `latest`.
    @param terms The terms.
    """
    publishing._check_publisher()
    assert version == self.latest + 1, "ProgramTerms: not the next version"
    self._check_numbers(terms)
    before: Terms = self._terms[self.latest]
    starts_at_us: uint256 = convert(terms.starts_at_us, uint256)
    assert terms.starts_at_us > before.starts_at_us, "ProgramTerms: begins before the last"
    assert starts_at_us >= block.timestamp * SECOND_US, "ProgramTerms: back-dated"
    if self._may_hurt(before, terms):
        assert starts_at_us >= (block.timestamp + notice_s) * SECOND_US, "ProgramTerms: notice too short"
    hash_before: bytes32 = self._hash_of(self.latest)
    self._keep(version, terms, hash_before, self._terms_hash(self._book(), version, terms, hash_before))


@external
@view
def book() -> Book:
    """
    @notice Whose points these terms are about.
    @return The digests of brand, currency and rule.
    """
    return self._book()


@external
@view
def terms(version: uint64) -> Terms:
    """
    @notice The terms of a version.
    @param version A number from 1 to `latest`.
    @return The terms.
    """
    self._check_version(version)
    return self._terms[version]


@external
@view
def announced_at_s(version: uint64) -> uint256:
    """
    @notice When a version was published.
    @param version A number from 1 to `latest`.
    @return The time of the block, in seconds since 1970.
    """
    self._check_version(version)
    return self._announced_at_s[version]


@external
@view
def version_at(instant_us: uint64) -> uint64:
    """
    @notice The version in force at an instant; a version holds from its start on, inclusive.
    @param instant_us Microseconds since 1970.
    @return The version; 0 before the first began.
    """
    low: uint64 = 0
    high: uint64 = self.latest
    for _: uint256 in range(SEARCH_STEPS):
        if low == high:
            break
        middle: uint64 = high - (high - low) // 2
        if self._terms[middle].starts_at_us <= instant_us:
            low = middle
        else:
            high = middle - 1
    return low


@external
@view
def terms_hash(version: uint64) -> bytes32:
    """
    @notice The digest of a version and of all before it.
    @dev sha256 over 201 bytes: format 0, brand, currency, rule, version, start, minor units per point, cap, months to
         expiry, doubled, digest before; numbers in 8 bytes, big-endian. The first stands on zeros.
    @param version A number from 1 to `latest`.
    @return The digest.
    """
    self._check_version(version)
    return self._hash_of(version)


@external
@view
def quote(version: uint64, base_minor: uint64, extra_minor: uint64, earned_before: uint64) -> uint64:
    """
    @notice What a purchase earns: its minor units, those that count twice once more, by the price of a point, rounded
         down once, and no more than is left of the day's cap.
    @param version The version in force at the purchase.
    @param base_minor What it cost.
    @param extra_minor What of it counts once more.
    @param earned_before Points that its buyer earned that day before it.
    @return Whole points.
    """
    self._check_version(version)
    minor_per_point: uint256 = convert(self._terms[version].minor_per_point, uint256)
    return self._quote(minor_per_point, self._terms[version].daily_cap, base_minor, extra_minor, earned_before)


@external
@view
def quote_many(version: uint64, purchases: DynArray[Purchase, QUOTES_MAX]) -> DynArray[uint64, QUOTES_MAX]:
    """
    @notice What each of many purchases earns under one version.
    @param version The version in force at all of them.
    @param purchases Up to 1,000 purchases.
    @return Whole points, in the order given.
    """
    self._check_version(version)
    minor_per_point: uint256 = convert(self._terms[version].minor_per_point, uint256)
    daily_cap: uint64 = self._terms[version].daily_cap
    quotes: DynArray[uint64, QUOTES_MAX] = []
    for each: Purchase in purchases:
        quotes.append(
            self._quote(minor_per_point, daily_cap, each.base_minor, each.extra_minor, each.earned_before)
        )
    return quotes


@internal
@pure
def _quote(minor_per_point: uint256, cap: uint64, base: uint64, extra: uint64, earned: uint64) -> uint64:
    if earned >= cap:
        return 0
    # Two numbers below 2**64 are added in 256 bits: nothing can overflow, whatever is asked.
    wished: uint256 = (convert(base, uint256) + convert(extra, uint256)) // minor_per_point
    return convert(min(wished, convert(cap - earned, uint256)), uint64)


@internal
@pure
def _may_hurt(before: Terms, terms: Terms) -> bool:
    # Which categories count twice is only known here as a digest, so any change of it may hurt somebody.
    return (
        terms.minor_per_point > before.minor_per_point
        or terms.daily_cap < before.daily_cap
        or terms.expiry_months < before.expiry_months
        or terms.doubled != before.doubled
    )


@internal
@view
def _check_numbers(terms: Terms):
    assert terms.minor_per_point >= 1 and terms.minor_per_point <= NUMBER_MAX, "ProgramTerms: minor per point"
    assert terms.daily_cap >= 1 and terms.daily_cap <= NUMBER_MAX, "ProgramTerms: daily cap"
    assert terms.expiry_months >= 1 and terms.expiry_months <= MONTHS_MAX, "ProgramTerms: expiry"
    assert terms.starts_at_us >= 1, "ProgramTerms: no start"
    # A start in the wrong unit would lock the programme for centuries: the next version may only begin after it.
    ahead_max_us: uint256 = (block.timestamp + AHEAD_MAX_S) * SECOND_US
    assert convert(terms.starts_at_us, uint256) <= ahead_max_us, "ProgramTerms: begins too late"


@internal
@view
def _check_version(version: uint64):
    assert version != 0 and version <= self.latest, "ProgramTerms: no such version"


@internal
def _keep(version: uint64, terms: Terms, hash_before: bytes32, terms_hash: bytes32):
    self.latest = version
    self._terms[version] = terms
    self._hash_before[version] = hash_before
    self._announced_at_s[version] = block.timestamp
    log TermsAppended(version=version, starts_at_us=terms.starts_at_us, terms=terms, terms_hash=terms_hash)


@internal
@view
def _book() -> Book:
    return Book(brand=_BRAND, currency=_CURRENCY, rule=_RULE)


@internal
@view
def _hash_of(version: uint64) -> bytes32:
    return self._terms_hash(self._book(), version, self._terms[version], self._hash_before[version])


@internal
@pure
def _terms_hash(book: Book, version: uint64, terms: Terms, hash_before: bytes32) -> bytes32:
    return sha256(
        concat(
            FORMAT,
            book.brand,
            book.currency,
            book.rule,
            convert(version, bytes8),
            convert(terms.starts_at_us, bytes8),
            convert(terms.minor_per_point, bytes8),
            convert(terms.daily_cap, bytes8),
            convert(terms.expiry_months, bytes8),
            terms.doubled,
            hash_before,
        )
    )
