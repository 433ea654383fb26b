"""Shares of what a listener has a limited number of: connections, sessions."""

from collections import Counter

from attrs import define, field

#: An account gets one more while it holds fewer than this many times what is free.
TIMES_FREE = 4


@define
class Shares:
    """Counts by account. The greediest leaves a fifth to the others; for one thread.

    Attributes:
        most: of one account.
        total: of all; None for no limit.
    """

    most: int
    total: int | None = None
    _held: Counter[str] = field(init=False, factory=Counter)

    def take(self, account: str) -> bool:
        """Count one more of an account, if it may have it."""
        held = self._held[account]
        free = held + 1 if self.total is None else self.total - self._held.total()
        if held >= self.most or held >= TIMES_FREE * free:
            return False
        self._held[account] += 1
        return True

    def give_back(self, account: str) -> None:
        """One of an account's has ended."""
        self._held[account] -= 1
        if not self._held[account]:
            del self._held[account]

    def held(self, account: str) -> int:
        """How many an account has."""
        return self._held[account]
