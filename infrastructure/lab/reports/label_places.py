"""Where labels beside a vertical axis go, so that none covers another."""

from collections.abc import Sequence

LABEL_PX = 15.0
"""The height that a label needs."""


def label_shifts(values: Sequence[float], units_per_px: float) -> list[float]:
    """Return by how many pixels to move each label up, given the value it stands at; the order stays.

    Labels that would touch are placed around the middle of where they belong.
    """
    order = sorted(range(len(values)), key=lambda place: values[place])
    groups: list[list[int]] = []
    for place in order:
        groups.append([place])
        while len(groups) > 1 and _top(values, groups[-2], units_per_px) > _bottom(
            values, groups[-1], units_per_px
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
    shifts = [0.0] * len(values)
    for group in groups:
        for number, place in enumerate(group):
            at = _bottom(values, group, units_per_px) + (number + 0.5) * LABEL_PX
            shifts[place] = at - values[place] / units_per_px
    return shifts


def _bottom(values: Sequence[float], group: Sequence[int], units_per_px: float) -> float:
    middle = sum(values[place] for place in group) / len(group) / units_per_px
    return middle - len(group) * LABEL_PX / 2.0


def _top(values: Sequence[float], group: Sequence[int], units_per_px: float) -> float:
    return _bottom(values, group, units_per_px) + len(group) * LABEL_PX
