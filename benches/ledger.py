"""How many postings a second the ledger takes with every check, against TPC-B in the same run.

Batches of 2,000 requests, each in its own transaction: awards with lots and daily totals (80 %), redemptions that
take from lots (10 %) and repeats of earlier keys (10 %, half of them within the batch), for 20,000 holders of one
hot brand. Counted are the entries that were posted; building the requests is not timed. At the end the books are
rebuilt from their entries and must agree.
"""

import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from random import Random

from benches.tpcb import TENANT, Bench, arguments, show
from keyuan import ledger
from keyuan.app.workers import tune

BATCH = ledger.BATCH_MAX
HOLDERS = 20_000
START = datetime(2017, 1, 1, tzinfo=UTC)


class Till:
    """Makes batches of requests as a busy programme would."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = count(1)
        self.now = START
        self.earlier: list[ledger.Request] = []
        self.day_points: dict[int, int] = {}

    def batch(self) -> list[ledger.Request]:
        """The next batch; ten minutes have gone by."""
        before, self.now = self.now, self.now + timedelta(minutes=10)
        if self.now.date() != before.date():
            self.day_points.clear()
        made: list[ledger.Request] = []
        repeats = self.random.sample(self.earlier, BATCH // 20) if self.earlier else []
        while len(made) + len(repeats) < BATCH:
            dice = self.random.random()
            if dice < BATCH / 20 / BATCH and made:
                made.append(self.random.choice(made))
            elif dice < 0.15:
                made.append(self._redemption())
            else:
                made.append(self._award())
        self.earlier = made
        return made + repeats

    def _award(self) -> ledger.Award:
        holder, points = self.random.randint(1, HOLDERS), self.random.randint(1, 60)
        self.day_points[holder] = self.day_points.get(holder, 0) + points
        return ledger.Award(
            key=self._key(), holder=holder, brand="market", currency="points", points=points, at=self.now,
            expires_at=self.now + timedelta(days=365), rule="basket", rule_version=1, base_minor=points * 100,
            extra_minor=0, day=self.now.date(), day_points=self.day_points[holder], reference=self._key(),
        )  # fmt: skip

    def _redemption(self) -> ledger.Redeem:
        holder, points = self.random.randint(1, HOLDERS), self.random.randint(1, 80)
        return ledger.Redeem(
            key=self._key(), holder=holder, brand="market", currency="points", points=points, at=self.now
        )

    def _key(self) -> bytes:
        return sha256(next(self.numbers).to_bytes(8, "big")).digest()


def main() -> None:
    options = arguments(__doc__)
    tune()  # as the consumer's process does
    till, memory = Till(Random(1)), ledger.Memory()
    with Bench("ledger", quick=options.quick) as bench:

        def one_round() -> float:
            bench.checkpoint()
            posted, spent = 0, 0.0
            while spent < bench.seconds:
                batch = till.batch()
                start = time.perf_counter()
                with bench.database.transaction(TENANT, behind=True) as session:
                    outcomes = ledger.post(session, batch, memory)
                spent += time.perf_counter() - start
                posted += sum(outcome.posted and not outcome.repeated for outcome in outcomes)
            return posted / spent

        result = bench.compare("postings/s", one_round)
        start = time.perf_counter()
        with bench.database.transaction(TENANT) as session:
            report = ledger.verify(session)
        bench.tell(f"{report.words()} in {time.perf_counter() - start:.1f} s")
        assert report.ok, report.words()
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
