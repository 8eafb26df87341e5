# pragma version 0.4.3
"""
@title Erc20: what a points token costs that keeps every balance on the chain
@license Apache-2.0
@notice For `benches.proofs` alone: the least that ERC-20 asks for, so that the comparison flatters nobody.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(supply: uint256):
    """
    @notice Give everything to whoever deploys.
    @param supply How much there is.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log Transfer(sender=empty(address), receiver=msg.sender, value=supply)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move what is the caller's.
    @param receiver To whom.
    @param amount How much.
    @return True; it reverts otherwise.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let somebody else move what is the caller's.
    @param spender Who may.
    @param amount How much.
    @return True.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move what somebody let the caller move.
    @param owner Whose it is.
    @param receiver To whom.
    @param amount How much.
    @return True; it reverts otherwise.
    """
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, receiver, amount)
    return True


@internal
def _move(sender: address, receiver: address, amount: uint256):
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, value=amount)
