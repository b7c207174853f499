"""Check that this machine's clock agrees with that of the server that makes entry ids."""

from exitbrain.application.live.supervisor import Journal
from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.message_source import MessageSource

DIFFER_BY_S = 30.0
"""The clocks are reported when they differ by more than this."""


class ClockCheck:
    """Compare the two clocks, and report when they start to differ and when they agree again."""

    def __init__(self, source: MessageSource, clock: Clock, journal: Journal) -> None:
        self._source = source
        self._clock = clock
        self._journal = journal
        self._differ = False

    async def run(self) -> None:
        """Compare the clocks once; raises SourceUnavailable."""
        before = self._clock.now()
        theirs = await self._source.server_time()
        after = self._clock.now()
        ahead_s = ((theirs - before) + (theirs - after)).total_seconds() / 2
        self._journal.event("clocks_compared", ahead_s=ahead_s)
        differ = abs(ahead_s) > DIFFER_BY_S
        if differ and not self._differ:
            self._journal.trouble("clocks_differ", server_ahead_s=round(ahead_s, 1))
        elif self._differ and not differ:
            self._journal.event("clocks_agree_again", server_ahead_s=round(ahead_s, 1))
        self._differ = differ
