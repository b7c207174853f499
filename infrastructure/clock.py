"""The clock of the machine."""

from datetime import UTC, datetime


class SystemClock:
    """Tell the time of the operating system, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
