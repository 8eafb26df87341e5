# pragma version 0.4.3
"""
@title Publishing: who may publish, and how that passes on
@license Apache-2.0
@notice One address publishes. It names a candidate; after a delay that everybody can watch, the candidate accepts.
     Until then the publisher can take the proposal back.
@dev A module of both contracts. Two steps, because a mistyped address could never accept; a delay, because whoever
     steals the key needs it too, and the proposal is an event that the owner of the key sees in time. A stolen key can
     publish and can block a rotation, but it cannot change what was published: then a new contract is the way out.
     There is no renouncing: a contract without a publisher would look like a ledger that stopped.
"""

event PublisherProposed:
    publisher: indexed(address)
    candidate: indexed(address)
    acceptable_from_s: uint256

event ProposalCancelled:
    publisher: indexed(address)
    candidate: indexed(address)

event PublisherChanged:
    publisher_before: indexed(address)
    publisher: indexed(address)

DELAY_MIN_S: constant(uint256) = 60 * 60
DELAY_MAX_S: constant(uint256) = 90 * 24 * 60 * 60

# @notice Seconds between a proposal and the first moment at which it can be accepted.
rotation_delay_s: public(immutable(uint256))

# @notice Who may publish.
publisher: public(address)

# @notice Who may become the publisher; the zero address when nobody was proposed.
pending_publisher: public(address)

# @notice When the proposal can be accepted, in seconds since 1970; 0 when there is none.
acceptable_from_s: public(uint256)


@deploy
def __init__(publisher: address, delay_s: uint256):
    """
    @param publisher Who publishes first.
    @param delay_s Seconds that every rotation takes at least, from an hour to 90 days.
    """
    assert publisher != empty(address), "publishing: publisher is zero"
    assert delay_s >= DELAY_MIN_S, "publishing: delay under an hour"
    assert delay_s <= DELAY_MAX_S, "publishing: delay over 90 days"
    rotation_delay_s = delay_s
    self.publisher = publisher
    log PublisherChanged(publisher_before=empty(address), publisher=publisher)


@external
def propose_publisher(candidate: address):
    """
    @notice Name who shall publish next; a proposal made before is replaced, and the delay begins anew.
    @param candidate The address that will have to accept.
    """
    self._check_publisher()
    assert candidate != empty(address), "publishing: candidate is zero"
    assert candidate != msg.sender, "publishing: candidate publishes already"
    self.pending_publisher = candidate
    self.acceptable_from_s = block.timestamp + rotation_delay_s
    log PublisherProposed(publisher=msg.sender, candidate=candidate, acceptable_from_s=self.acceptable_from_s)


@external
def cancel_proposal():
    """
    @notice Take the proposal back.
    """
    self._check_publisher()
    candidate: address = self.pending_publisher
    assert candidate != empty(address), "publishing: nobody was proposed"
    self._forget_proposal()
    log ProposalCancelled(publisher=msg.sender, candidate=candidate)


@external
def accept_publisher():
    """
    @notice Become the publisher, as the one who was proposed and after the delay.
    """
    assert msg.sender == self.pending_publisher, "publishing: you were not proposed"
    assert block.timestamp >= self.acceptable_from_s, "publishing: too early"
    before: address = self.publisher
    self._forget_proposal()
    self.publisher = msg.sender
    log PublisherChanged(publisher_before=before, publisher=msg.sender)


@internal
@view
def _check_publisher():
    assert msg.sender == self.publisher, "publishing: you are not the publisher"


@internal
def _forget_proposal():
    self.pending_publisher = empty(address)
    self.acceptable_from_s = 0
