"""How often somebody may try a password: few times per account and per address, then a while later again.

Kept in memory, of a limited size: after a restart counting begins anew, which argon2's cost makes bearable.
Pure but for what it remembers.
Units: seconds of a monotonic clock.
"""

from collections import OrderedDict, deque
from typing import Final

WINDOW_S: Final = 900.0
PER_ACCOUNT: Final = 5
PER_ADDRESS: Final = 20
_REMEMBER_MAX: Final = 10_000


class Attempts:
    """The attempts of the last minutes, by account and by address."""

    def __init__(self) -> None:
        self._times: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait_s(self, name: str, address: str, now_s: float) -> float:
        """Return how long this account or address must wait; 0 if it may try."""
        limits = ((("account", name), PER_ACCOUNT), (("address", address), PER_ADDRESS))
        return max(self._wait_s(key, most, now_s) for key, most in limits)

    def trying(self, name: str, address: str, now_s: float) -> None:
        """Count an attempt, before it is known how it ends: many at a time count as many."""
        for key in (("account", name), ("address", address)):
            self._times.setdefault(key, deque()).append(now_s)
            self._times.move_to_end(key)
        while len(self._times) > _REMEMBER_MAX:
            self._times.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of an account; of the address only the attempt that was none."""
        self._times.pop(("account", name), None)
        times = self._times.get(("address", address))
        if times:
            times.pop()

    def _wait_s(self, key: tuple[str, str], most: int, now_s: float) -> float:
        times = self._times.get(key)
        while times and times[0] <= now_s - WINDOW_S:
            times.popleft()
        if not times:
            self._times.pop(key, None)
            return 0.0
        return times[-most] + WINDOW_S - now_s if len(times) >= most else 0.0
