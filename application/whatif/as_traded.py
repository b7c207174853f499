"""What really happened to a position: its recorded fills, for calibration beside the walks."""

from decimal import Decimal

from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.domain.positions.events import PositionIncreased, PositionReduced
from exitbrain.domain.simulation.costs import Account, Path
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.outcome import ExitLeg, History, LegLevel
from exitbrain.domain.values import DECIMAL, ms_of


def as_traded(position: RecordedPosition, setup: ExitSetup) -> History | None:
    """Return the recorded fills of a closed position as a history of legs EXTERNAL.

    Fees are those of the setup, because the record names none; slippage is in the fills, and funding is not known.
    None if the position is open, or a price or amount of a fill is unknown.
    """
    closed = position.closed
    if closed is None or closed.exit_price is None or position.entry_price is None:
        return None
    account, path, still_open = Account(setup), Path(), 1.0

    def filled(path: Path, fraction: float, price: Decimal, at_ms: int) -> Path:
        return account.with_leg(path, ExitLeg(LegLevel.EXTERNAL, fraction, float(price), at_ms), None)

    for at, step in position.steps:
        match step:
            case PositionIncreased(added_price=price, added_quantity=added):
                if price is None or added is None or position.quantity is None:
                    return None
                fraction = float(DECIMAL.divide(added, position.quantity))
                path, still_open = account.with_more(path, fraction, float(price)), still_open + fraction
            case PositionReduced(exit_price=price, by=by, quantity=rest):
                if price is None or by is None or rest is None:
                    return None
                kept = float(DECIMAL.divide(rest, DECIMAL.add(rest, by)))
                path = filled(path, still_open * (1.0 - kept), price, ms_of(at))
                still_open = still_open * kept
    path = filled(path, still_open, closed.exit_price, ms_of(closed.stamp.occurred_at))
    return account.history(path, holes=0)
