"""Watches, from a standby worker, whether the lease holder still reads entries."""

from exitbrain.application.live.supervisor import STALL_AFTER_S, Journal
from exitbrain.application.ports.message_source import Lease


class LeaseWatch:
    """Follow the lease of another worker. Written by one thread, readable from any.

    Times are in seconds of the event loop's clock.

    A holder that reads entries is fine, however many wait. One that keeps the lease while entries wait and
    reads nothing blocks all workers, and only an operator can take the lease from it.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lease: Lease | None = None
        self._held_since = 0.0
        self._idle_since: float | None = None
        self._told: set[str] = set()

    def look(self, lease: Lease | None, now: float) -> None:
        """Note the current lease of another worker, or None."""
        before = self._lease
        if lease is None or before is None or lease.holder != before.holder:
            self._held_since = now
            self._told &= {"turn_unused"}
        if lease is None or not lease.waiting or (before is not None and lease.delivered != before.delivered):
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        self._lease = lease
        self._tell(lease, now)

    def idle_s(self, now: float) -> float:
        """Return how long entries have waited while the holder read none, or 0."""
        since = self._idle_since
        return 0.0 if since is None else max(0.0, now - since)

    def why_idle(self, now: float) -> str:
        """Return which holder blocks all workers; empty if none does."""
        lease, idle_s = self._lease, self.idle_s(now)
        if lease is None or idle_s <= STALL_AFTER_S:
            return ""
        return f"{lease.holder} holds the lease and has read nothing for {idle_s:.1f} s, while {lease.waiting} entries wait"

    def _tell(self, lease: Lease | None, now: float) -> None:
        if lease is not None:
            held_s = round(now - self._held_since, 1)
            if lease.endless:
                self._trouble("turn_without_expiry", holder=lease.holder, held_s=held_s)
            if not lease.known and held_s > STALL_AFTER_S:  # a worker becomes a consumer when it reads
                self._trouble("turn_of_unknown", holder=lease.holder, held_s=held_s)
            if self.why_idle(now):
                facts = {"held_s": held_s, "idle_s": round(self.idle_s(now), 1)}
                self._trouble("turn_unused", holder=lease.holder, waiting=lease.waiting, **facts)
        if self._idle_since is None and "turn_unused" in self._told:
            self._told.discard("turn_unused")
            self._journal.event("turn_used_again")

    def _trouble(self, name: str, **facts: object) -> None:
        """Report a trouble once for each holder."""
        if name not in self._told:
            self._told.add(name)
            self._journal.trouble(name, **facts)
