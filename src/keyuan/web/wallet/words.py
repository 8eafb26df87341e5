"""What the check says, in words: its script fills in the figures and never writes a sentence of its own."""

from collections.abc import Mapping
from typing import Final

from keyuan.kernel.sentences import mark

WORDS: Final[Mapping[str, str]] = {
    "working": mark("Checking …"),
    "working_lead": mark("%(done)s of %(all)s movements, by your own browser"),
    "fetching": mark("Getting your history and asking the chain"),
    # whole
    "whole": mark("Every point accounted for"),
    "whole_lead": mark("Worked out by your browser just now in %(seconds)s s, without us."),
    "older": mark("Right, but not to the newest"),
    "all_here": mark("All %(count)s movements are here"),
    "all_here_note": mark("None missing, each linked to the one before"),
    "adds_up": mark("The sums are right: %(points)s points"),
    "adds_up_note": mark("Added up again from 0 by your browser"),
    "awards": mark("%(count)s awards follow the published rules"),
    "awards_note": mark("Points, daily limit and expiry, worked out again one by one"),
    "on_chain": mark("It matches what stands on the chain"),
    "on_chain_note": mark("Complete to epoch %(epoch)s of %(epochs)s, closed on %(day)s, says the operator"),
    "counted": mark("Your balance is counted in what the brand owes"),
    "counted_note": mark("%(points)s points to all customers together"),
    "seen": mark("It goes on from what your browser saw last time"),
    "seen_note": mark("Epoch %(epoch)s, seen on %(day)s, is unchanged"),
    "first": mark("Your browser now remembers this"),
    "first_note": mark("Next time it will notice if anything before was rewritten"),
    "not_checked": mark("Not checked this time"),
    "not_checked_note": mark(
        "Purchases that were never recorded, the amounts on your receipts, and what points will buy."
    ),
    "newer_note": mark("%(count)s newer movements stand in no epoch yet; check them later."),
    "contract_note": mark("The address of the contract came from us: compare it with what is published elsewhere."),
    # refused
    "movement_off": mark("One movement is off"),
    "other_off": mark("This does not match"),
    "off_lead": mark("Your browser found a problem. Keep the evidence, then tell us or any brand."),
    "before_good": mark("Movements 1 to %(count)s are right"),
    "movement_bad": mark("Movement %(number)s does not match"),
    "movement_note": mark("%(day)s, %(kind)s %(points)s: %(why)s"),
    "why_gap": mark("one before it is missing, or the order was changed"),
    "why_sums": mark("the sums do not follow"),
    "why_award": mark("the published rules give something else"),
    "why_log": mark("this is not what was published"),
    "bad_epoch": mark("Epoch %(epoch)s is not what stands on the chain"),
    "bad_domain": mark("This proof belongs to another chain or contract"),
    "bad_behind": mark("This node knows %(epochs)s epochs; your proof reaches epoch %(epoch)s"),
    "bad_record": mark("What the brand owes in all is not what was published"),
    "bad_terms": mark("The rules for points are not those that were published"),
    "bad_balance": mark("Your balance is not counted, or your last movements are left out"),
    "bad_file": mark("The proof is not written as it must be"),
    "bad_rewritten": mark("What was published before has been rewritten"),
    "bad_rewritten_note": mark("On %(day)s your browser saw something else for epoch %(epoch)s"),
    "unconfirmed": mark("So the balance cannot be confirmed"),
    "unconfirmed_note": mark("We show %(points)s points but cannot prove it"),
    "bad_shown": mark("The first page shows %(shown)s points, the proof gives %(points)s"),
    # not checked
    "none": mark("Nothing was checked"),
    "none_lead": mark("This says nothing about your points. They are as they were."),
    "none_node": mark("Name a node of the chain, below, to compare with"),
    "none_silent": mark("This node does not answer"),
    "none_chain": mark("This node belongs to another chain"),
    "none_contract": mark("At this node there is no list of epochs to compare with"),
    "none_address": mark("The address must begin with http:// or https://"),
    "none_bundle": mark("Your history did not arrive"),
    "none_early": mark("Your points stand in no published epoch yet; try again later"),
    "none_insecure": mark("Your browser can only check over https"),
    "none_insecure_note": mark(
        "Over an open connection it does not compute digests. Take the proof and the program along instead."
    ),
    # who keeps the chain
    "kept_operator": mark(
        "This chain is kept by the operator, who could show you another one than to others. Compare the"
        " commitment in the technical details with somebody else, or keep it."
    ),
    "kept_unknown": mark("You chose this node. It does not say who keeps the chain."),
    # buttons and kinds
    "again": mark("Check again"),
    "save": mark("Save the proof"),
    "save_evidence": mark("Keep the evidence"),
    "award": mark("earned"),
    "redeem": mark("redeemed"),
    "hold": mark("set aside"),
    "capture": mark("redeemed"),
    "void": mark("given back"),
    "expire": mark("expired"),
    # technical details
    "fact_contract": mark("Contract"),
    "fact_chain": mark("Chain, block"),
    "fact_commitment": mark("Commitment of epoch %(epoch)s"),
    "fact_ledger": mark("Ledger"),
    "fact_account": mark("Account in the log"),
    "fact_digests": mark("Digests computed"),
    "fact_reason": mark("Reason, exactly"),
}
