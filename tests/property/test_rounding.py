"""Trigger prices lie on the tick grid on the careful side; slices are placeable and are the position."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import (
    LEVELS,
    Distances,
    Slice,
    Triggers,
    double_prices,
    exact_prices,
    is_placeable,
    on_ticks,
    rounded_distances,
    slices_of,
    tick_bounds,
)
from exitbrain.domain.values import Side

sides = st.sampled_from(Side)
ticks = st.sampled_from([Decimal(text) for text in ("0.1", "0.01", "0.0001", "0.5", "1", "0.003")])
entries = st.decimals("1", "100000", places=5)
distances = st.builds(
    Distances, st.floats(1e-5, 0.5), st.floats(1e-5, 0.5), st.floats(1e-5, 0.5), st.floats(1e-3, 0.5)
)


def trigger_prices(
    entry: Decimal, side: Side, levels: Distances, tick: Decimal, floor: float
) -> Triggers[Decimal]:
    return on_ticks(exact_prices(entry, side, levels), entry, side, tick, floor)


def exact(value: Decimal | float) -> Fraction:
    return Fraction(Decimal(repr(value)) if isinstance(value, float) else value)


@given(entry=entries, side=sides, levels=distances, tick=ticks, floor=st.floats(1e-6, 1e-3))
def test_prices_lie_on_the_grid_rounded_toward_the_entry(
    entry: Decimal, side: Side, levels: Distances, tick: Decimal, floor: float
) -> None:
    triggers = trigger_prices(entry, side, levels, tick, floor)

    for level in LEVELS:
        price = exact(getattr(triggers, level))
        assert price % exact(tick) == 0
        sign = -side.direction if level == "sl" else side.direction
        wanted = exact(entry) * (1 + sign * exact(getattr(levels, level)))
        toward_the_entry = sign * (wanted - price)  # 0 or more: nearer than wanted
        assert -exact(tick) < toward_the_entry < exact(tick)
        if level != "sl":
            assert toward_the_entry >= 0


@given(entry=entries, side=sides, levels=distances, tick=ticks, share=st.floats(0.01, 1.0))
def test_the_stop_is_never_nearer_than_its_floor(
    entry: Decimal, side: Side, levels: Distances, tick: Decimal, share: float
) -> None:
    floor = levels.sl * share
    stop = exact(trigger_prices(entry, side, levels, tick, floor).sl)

    distance = side.direction * (exact(entry) - stop)
    rounding = exact(entry) / 10**26  # the one Decimal context keeps 28 digits
    assert distance >= exact(entry) * exact(floor) - rounding


@given(entry=entries, side=sides, levels=distances, tick=ticks)
def test_the_stop_leaves_the_entry_only_to_keep_its_floor(
    entry: Decimal, side: Side, levels: Distances, tick: Decimal
) -> None:
    wanted = exact(entry) * exact(levels.sl)

    stop = exact(trigger_prices(entry, side, levels, tick, floor=0.0).sl)

    distance = side.direction * (exact(entry) - stop)
    across_the_entry = distance - exact(tick) < 0
    assert distance <= wanted or across_the_entry


@given(steps=st.integers(1000, 10**7), levels=distances, tick=ticks)
def test_long_and_short_are_mirror_images_about_an_entry_on_the_grid(
    steps: int, levels: Distances, tick: Decimal
) -> None:
    entry = steps * tick
    long = trigger_prices(entry, Side.LONG, levels, tick, 0.0015)
    short = trigger_prices(entry, Side.SHORT, levels, tick, 0.0015)

    for level in LEVELS:
        assert getattr(long, level) - entry == entry - getattr(short, level)
    assert rounded_distances(entry, Side.LONG, long) == rounded_distances(entry, Side.SHORT, short)


@given(entry=entries, side=sides, levels=distances, tick=ticks)
def test_what_rounding_changed_is_reported_and_nothing_else(
    entry: Decimal, side: Side, levels: Distances, tick: Decimal
) -> None:
    triggers = trigger_prices(entry, side, levels, tick, 0.0)
    changed = {bound.level: bound for bound in tick_bounds(exact_prices(entry, side, levels), triggers)}

    for level in LEVELS:
        sign = -side.direction if level == "sl" else side.direction
        wanted = exact(entry) * (1 + sign * exact(getattr(levels, level)))
        if wanted == exact(getattr(triggers, level)):
            assert level not in changed
        else:
            assert changed[level].constraint == "tick"
            assert changed[level].after == float(getattr(triggers, level))


@given(entry=entries, side=sides, levels=distances)
def test_without_a_tick_prices_are_double_products(entry: Decimal, side: Side, levels: Distances) -> None:
    triggers = double_prices(entry, side, levels)

    assert float(triggers.tp2) == float(entry) * (1 + side.direction * levels.tp2)
    assert float(triggers.sl) == float(entry) * (1 - side.direction * levels.sl)


harvests = st.sampled_from(
    [
        *((0.3, 0.3, 0.4), (0.4, 0.4, 0.2), (0.5, 0.3, 0.2), (0.01, 0.98, 0.01)),
        *((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.0, 0.7, 0.3), (0.5, 0.0, 0.5)),
    ]
)


@given(
    steps=st.integers(1, 10**6),
    step=st.sampled_from([Decimal(text) for text in ("1", "0.001", "0.5", "10", "0.00001")]),
    price=st.decimals("0.001", "100000", places=3),
    minimum=st.none() | st.decimals("1", "1000", places=2),
    harvest=harvests,
)
def test_slices_are_placeable_and_are_the_position(
    steps: int, step: Decimal, price: Decimal, minimum: Decimal | None, harvest: tuple[float, float, float]
) -> None:
    quantity = steps * step
    instrument = Instrument("X", step_size=step, min_notional=minimum)

    slices = slices_of(quantity, harvest, instrument, price)

    if not is_placeable(quantity, instrument, price):
        assert slices == ()
        return
    assert sum((exact(part.quantity) for part in slices), Fraction(0)) == exact(quantity)
    assert all(is_placeable(part.quantity, instrument, price) for part in slices)
    assert all(exact(part.quantity) % exact(step) == 0 for part in slices)
    order = [LEVELS.index(part.level) for part in slices]
    assert order == sorted(set(order))
    assert all(harvest[place] > 0.0 for place in order)


def test_what_rounding_leaves_goes_to_the_last_target_with_a_share() -> None:
    """Halves of 0.05 in steps of 0.01 are 0.02 each; the 0.01 that is left does not go to TP3, which has no share."""
    instrument = Instrument("X", step_size=Decimal("0.01"))

    halves = slices_of(Decimal("0.05"), (0.5, 0.5, 0.0), instrument, Decimal(100))

    assert halves == (Slice("tp1", Decimal("0.02")), Slice("tp2", Decimal("0.03")))


@given(
    quantity=st.decimals("0.0000000001", "100000", allow_nan=False, allow_infinity=False),
    harvest=harvests,
    price=st.decimals("0.001", "100000", places=3),
)
def test_a_quantity_off_the_step_grid_is_closed_whole(
    quantity: Decimal, harvest: tuple[float, float, float], price: Decimal
) -> None:
    assume(len(quantity.as_tuple().digits) <= 28)
    instrument = Instrument("X", step_size=Decimal("0.001"))

    slices = slices_of(quantity, harvest, instrument, price)

    assert all(harvest[LEVELS.index(part.level)] > 0.0 for part in slices)
    if slices:
        assert sum((exact(part.quantity) for part in slices), Fraction(0)) == exact(quantity)
    else:
        assert quantity < instrument.step_size  # type: ignore[operator]  # given above


@given(steps=st.integers(30, 10**6), harvest=harvests)
def test_slices_that_need_no_merging_follow_the_harvest(
    steps: int, harvest: tuple[float, float, float]
) -> None:
    instrument = Instrument("X", step_size=Decimal(1))

    slices = slices_of(Decimal(steps), harvest, instrument, Decimal(1))

    for part in slices:
        if not part.merged and part is not slices[-1]:
            share = exact(harvest[LEVELS.index(part.level)])
            assert exact(part.quantity) == (share * steps) // 1
