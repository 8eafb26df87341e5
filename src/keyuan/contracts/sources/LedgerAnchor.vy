# pragma version 0.4.3
"""
@title LedgerAnchor: one commitment per epoch of a points ledger
@license Apache-2.0
@notice The operator of a ledger publishes here, epoch by epoch, a digest of all that happened. What stands here cannot
     be changed, left out or put in another order, by the operator neither. Whoever has a proof checks it against
     this digest.
@dev A commitment is sha256 of the header of the epoch; what a header holds is no business of this contract, so it can
     stay when the header's format moves on. Epochs count from 1 without a gap: the number is demanded, and a
     transaction that is sent twice is refused the second time. Nobody ever has to trust a time or a sender in here.
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

event Anchored:
    epoch: indexed(uint64)
    commitment: bytes32

READ_MAX: constant(uint64) = 1000

# @notice The newest epoch that has a commitment; 0 before the first.
latest: public(uint64)

_commitments: HashMap[uint64, bytes32]


@deploy
def __init__(publisher: address, rotation_delay_s: uint256):
    """
    @param publisher Who may anchor.
    @param rotation_delay_s Seconds that a change of the publisher takes at least.
    """
    publishing.__init__(publisher, rotation_delay_s)


@external
def anchor(epoch: uint64, commitment: bytes32):
    """
    @notice Publish the commitment of the next epoch, for good.
    @param epoch The number that follows `latest`.
    @param commitment The digest of the epoch's header; never zero.
    """
    publishing._check_publisher()
    assert epoch == self.latest + 1, "LedgerAnchor: not the next epoch"
    assert commitment != empty(bytes32), "LedgerAnchor: commitment is zero"
    self.latest = epoch
    self._commitments[epoch] = commitment
    log Anchored(epoch=epoch, commitment=commitment)


@external
@view
def commitment(epoch: uint64) -> bytes32:
    """
    @notice The commitment of an epoch.
    @param epoch A number from 1 on.
    @return The digest; zero while the epoch is not anchored.
    """
    return self._commitments[epoch]


@external
@view
def commitments(first: uint64, count: uint64) -> DynArray[bytes32, READ_MAX]:
    """
    @notice The commitments of epochs in a row, fewer than asked for where they end.
    @param first The first epoch, from 1 on.
    @param count How many at most, up to 1,000.
    @return Their digests in order.
    """
    assert first != 0, "LedgerAnchor: epochs count from 1"
    assert count <= READ_MAX, "LedgerAnchor: at most 1,000"
    found: DynArray[bytes32, READ_MAX] = []
    if first > self.latest:
        return found
    there: uint64 = self.latest - first + 1
    for i: uint64 in range(min(count, there), bound=READ_MAX):
        found.append(self._commitments[first + i])
    return found
