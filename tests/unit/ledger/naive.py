"""The ledger as one would write it in an afternoon: lists and sums, no indexes, no batches, no chain.

The property tests compare the real one with it; it shares nothing with it but the requests' classes.
"""

from typing import Any

from keyuan.ledger import (
    Answer,
    Award,
    Capture,
    Expire,
    Fund,
    Hold,
    Redeem,
    Release,
    Request,
    Reserve,
    Spend,
    Void,
)


class Naive:
    """Lots with an owner, an end, free points, and points under holds."""

    def __init__(self) -> None:
        self.seq = 0
        self.first: dict[bytes, tuple[object, Answer, int | None, int]] = {}
        self.lots: dict[int, dict[str, Any]] = {}
        self.holds: dict[bytes, dict[str, Any]] = {}
        self.budgets: dict[tuple[int, str, str], dict[str, int]] = {}
        self.moved = {"issued": 0, "redeemed": 0, "expired": 0}

    def answer(self, request: Request) -> tuple[Answer, int | None, int, bool]:
        """Answer, number, points, and whether it is a repeat."""
        facts = self.facts(request)
        if request.key in self.first:
            before, answer, seq, points = self.first[request.key]
            return (answer, seq, points, True) if before == facts else (Answer.CONFLICT, None, 0, True)
        answer, points = self.decide(request)
        seq = self.seq if answer is Answer.POSTED else None
        if not (isinstance(request, Expire) and answer is Answer.NOTHING):
            self.first[request.key] = (facts, answer, seq, points)
        return answer, seq, points, False

    def facts(self, r: Request) -> object:
        match r:
            case Award():
                return ("award", r.holder, r.rule_version, r.base_minor, r.extra_minor)
            case Redeem() | Hold():
                return (type(r), r.holder, r.brand, r.currency, r.points, r.reference)
            case Capture():
                return ("capture", r.hold, r.points, r.reference)
            case Void():
                return ("void", r.hold, r.reference)
            case Expire():
                return ("expire", r.lot, r.expired)
            case Fund() | Reserve() | Spend() | Release():
                return (type(r), r.campaign, r.brand, r.currency, r.minor, r.reference)

    def decide(self, r: Request) -> tuple[Answer, int]:
        match r:
            case Award():
                return self.award(r)
            case Redeem() | Hold():
                return self.spend(r)
            case Capture() | Void():
                return self.settle(r)
            case Expire():
                return self.expire(r)
            case Fund() | Reserve() | Spend() | Release():
                return self.budget(r)

    def award(self, r: Award) -> tuple[Answer, int]:
        if r.points == 0:
            return Answer.NOTHING, 0
        self.seq += 1
        owner = (r.holder, r.brand, r.currency)
        self.lots[self.seq] = {"owner": owner, "end": r.expires_at, "free": r.points, "held": 0, "expired": 0}
        self.moved["issued"] += r.points
        return Answer.POSTED, r.points

    def spend(self, r: Redeem | Hold) -> tuple[Answer, int]:
        owner = (r.holder, r.brand, r.currency)
        mine = [n for n, lot in self.lots.items() if lot["owner"] == owner and (not lot["end"] or lot["end"] > r.at)]
        if sum(self.lots[n]["free"] for n in mine) < r.points:
            return Answer.TOO_FEW_POINTS, 0
        self.seq += 1
        units: list[int] = []
        for number in sorted(mine, key=lambda n: (not self.lots[n]["end"], self.lots[n]["end"], n)):
            units += [number] * self.lots[number]["free"]
        for number in units[: r.points]:
            self.lots[number]["free"] -= 1
            self.lots[number]["held"] += isinstance(r, Hold)
        if isinstance(r, Hold):
            self.holds[r.key] = {"units": units[: r.points], "end": r.expires_at}
        else:
            self.moved["redeemed"] += r.points
        return Answer.POSTED, r.points

    def settle(self, r: Capture | Void) -> tuple[Answer, int]:
        if r.hold not in self.holds:
            return Answer.NO_SUCH_HOLD, 0
        units: list[int] = self.holds[r.hold]["units"]
        points = r.points if isinstance(r, Capture) else len(units)
        if not units:
            return Answer.HOLD_CLOSED, 0
        if isinstance(r, Capture) and self.holds[r.hold]["end"] <= r.at:
            return Answer.HOLD_TIMED_OUT, 0
        if points > len(units):
            return Answer.MORE_THAN_HELD, 0
        self.seq += 1
        for number in units[:points]:
            self.lots[number]["held"] -= 1
            self.lots[number]["free"] += isinstance(r, Void)
        self.moved["redeemed"] += points * isinstance(r, Capture)
        del units[:points]
        return Answer.POSTED, points

    def expire(self, r: Expire) -> tuple[Answer, int]:
        lot = self.lots.get(r.lot)
        if lot is None or not lot["end"] or lot["end"] > r.at or not lot["free"] or lot["expired"] != r.expired:
            return Answer.NOTHING, 0
        self.seq += 1
        points = lot["free"]
        lot["free"], lot["expired"] = 0, lot["expired"] + points
        self.moved["expired"] += points
        return Answer.POSTED, points

    def budget(self, r: Fund | Reserve | Spend | Release) -> tuple[Answer, int]:
        book = (r.campaign, r.brand, r.currency)
        mine = self.budgets.get(book, {"granted": 0, "free": 0, "reserved": 0, "spent": 0})
        if isinstance(r, Reserve) and mine["free"] < r.minor:
            return Answer.OVER_BUDGET, 0
        if isinstance(r, Spend | Release) and mine["reserved"] < r.minor:
            return Answer.OVER_BUDGET, 0
        self.seq += 1
        self.budgets[book] = mine
        mine["granted"] += r.minor * isinstance(r, Fund)
        mine["free"] += r.minor * (isinstance(r, Fund | Release) - isinstance(r, Reserve))
        mine["reserved"] += r.minor * (isinstance(r, Reserve) - isinstance(r, Spend | Release))
        mine["spent"] += r.minor * isinstance(r, Spend)
        return Answer.POSTED, r.minor

    def owned(self) -> dict[tuple[int, str, str], tuple[int, int]]:
        """Available and held points of every owner that ever had some."""
        sums: dict[tuple[int, str, str], tuple[int, int]] = {}
        for lot in self.lots.values():
            free, held = sums.get(lot["owner"], (0, 0))
            sums[lot["owner"]] = (free + lot["free"], held + lot["held"])
        return sums
