"""The possible histories of one policy, or of two side by side, with equal states merged and bounds kept."""

from collections.abc import Collection, Iterable, Sequence
from itertools import product
from typing import TypeVar

from exitbrain.domain.simulation.bar_moves import Bar, Exit, Move, Phase
from exitbrain.domain.simulation.candle import Due
from exitbrain.domain.simulation.costs import Path
from exitbrain.domain.simulation.intrabar_path import IntrabarPath, consistent
from exitbrain.domain.simulation.outcome import History, LegLevel
from exitbrain.domain.simulation.plan import Change, Plan
from exitbrain.domain.simulation.policy_histories import HistoryState, LevelSet, PolicyHistories

HistoryStates = tuple[HistoryState | None, ...]
"""The state of each policy's history; None if it has ended."""

HistoryOfEach = tuple[Path | History, ...]
Dues = Sequence[Due]
Moves = tuple[Move | None, ...]

T = TypeVar("T")


class Bounds:
    """The lowest and highest history of one state, and whether there are others; replaced at each candle."""

    __slots__ = ("high", "low", "several")

    def __init__(self, low: HistoryOfEach, high: HistoryOfEach, *, several: bool) -> None:
        self.low = low
        self.high = high
        self.several = several


class Histories:
    """The histories of lowest and highest value per state: net result, or difference of two policies."""

    def __init__(self, plans: tuple[Plan, ...]) -> None:
        self.policies = tuple([PolicyHistories(plan) for plan in plans])
        begun: HistoryOfEach = tuple([Path() for _ in plans])
        start: HistoryStates = tuple([HistoryState(0, 0) for _ in plans])
        self.open: dict[HistoryStates, Bounds] = {start: Bounds(begun, begun, several=False)}
        self._places: list[tuple[LevelSet, int]] | None = None
        self.ended: Bounds | None = None
        self.holes = 0
        self.last_end_ms = 0

    def advance(
        self,
        phases: Sequence[Phase],
        bar: Bar,
        *,
        at_open: bool,
        price_paths: Sequence[IntrabarPath],
        dues: Sequence[Dues],
    ) -> bool:
        """Apply all possible combinations of moves to all states; return whether any policy had a choice.

        `phases` and `dues` are those of each policy.
        """
        choice = False
        for states, bounds in self._take_all():
            options: list[Sequence[Move | None]] = [
                (None,) if state is None else policy.moves(state, phase, bar)
                for policy, state, phase in zip(self.policies, states, phases, strict=True)
            ]
            combinations = list(product(*options))
            choice = choice or len(combinations) > 1
            for moves in self._possible(states, combinations, price_paths):
                paid_before = self._paid_before(states, moves, dues)
                choice = choice or len(paid_before) > 1
                for paid in paid_before:
                    self._move(states, bounds, moves, bar, at_open=at_open, dues=dues, paid=paid)
        return choice

    def close_all(self, level: LegLevel, price: float, at_ms: int) -> None:
        """Close everything that is open at a price."""
        self.close(range(len(self.policies)), level, price, at_ms)

    def close(self, numbers: Collection[int], level: LegLevel, price: float, at_ms: int) -> None:
        """Close everything that is open under these policies at a price."""
        bar = Bar(at_ms, price, price, price, price, price, price, price)
        for states, bounds in self._take_all():
            moves: Moves = tuple(
                [
                    None if state is None or number not in numbers else Move(state.filled, Exit(price, level))
                    for number, state in enumerate(states)
                ]
            )
            self._move(states, bounds, moves, bar, at_open=False)

    def change(self, number: int, change: Change, bar: Bar) -> None:
        """Apply a change to one policy in every state in which it is open."""
        policy, before, known = self.policies[number], self._take_all(), {}
        for states, bounds in before:
            state = states[number]
            if state is None:
                self._put(states, bounds.low, bounds.high, bounds.several)
                continue
            if state not in known:
                known[state] = policy.changed(change, state, bar)
            following, after = known[state]
            low = _replaced(bounds.low, number, after(path_of(bounds.low[number])))
            high = _replaced(bounds.high, number, after(path_of(bounds.high[number])))
            self._put(_replaced(states, number, following), low, high, bounds.several)

    def pay_funding(self, dues: Dues) -> None:
        """Book the funding due for every open history."""
        if not dues:
            return
        for states, bounds in self.open.items():
            same = bounds.high is bounds.low
            bounds.low = self._paid(states, bounds.low, dues)
            bounds.high = bounds.low if same else self._paid(states, bounds.high, dues)

    def places(self) -> list[tuple[LevelSet, int]]:
        """Return the places of all open histories: the levels of a policy and how many targets are filled.

        The list is cached until a history moves; it may contain a place twice.
        """
        if self._places is None:
            self._places = [
                (policy.level_sets[state.level_set], state.filled)
                for states in self.open
                for policy, state in zip(self.policies, states, strict=True)
                if state is not None
            ]
        return self._places

    def _possible(
        self, states: HistoryStates, combinations: list[Moves], price_paths: Sequence[IntrabarPath]
    ) -> list[Moves]:
        """Return the combinations of moves that a single price path can produce."""
        if not price_paths or len(combinations) == 1 or None in states:
            return combinations
        first, second = [
            policy.standing(state)
            for policy, state in zip(self.policies, states, strict=True)
            if state is not None
        ]
        return consistent(price_paths, combinations, first, second)

    def _paid_before(
        self, states: HistoryStates, moves: Moves, dues: Sequence[Dues]
    ) -> list[tuple[int, ...]]:
        """Return how many fundings each may have paid before its move; equal if both close the same."""
        counts = [len(each) for each in dues]
        if not any(counts):
            return [(0,) * len(states)]
        closing = [
            () if state is None or move is None else policy.closed_by(state, move)
            for policy, state, move in zip(self.policies, states, moves, strict=True)
        ]
        if closing[0] and closing == closing[:1] * len(closing) and counts == counts[:1] * len(counts):
            return [(paid,) * len(closing) for paid in range(counts[0] + 1)]
        spans = zip(closing, counts, strict=True)
        return list(product(*(range(0 if closes else count, count + 1) for closes, count in spans)))

    def _take_all(self) -> list[tuple[HistoryStates, Bounds]]:
        """Return and clear the open states, sorted by level set and filled targets, ended ones last."""
        taken, self.open, self._places = self.open, {}, None
        if len(taken) == 1:
            return list(taken.items())
        return sorted(
            taken.items(),
            key=lambda each: [(state is None, state or HistoryState(0, 0)) for state in each[0]],
        )

    def _move(
        self,
        states: HistoryStates,
        bounds: Bounds,
        moves: Moves,
        bar: Bar,
        *,
        at_open: bool,
        dues: Sequence[Dues] = ((), ()),
        paid: Sequence[int] = (0, 0),
    ) -> None:
        """Add the histories of a state after each policy's move; `paid` counts the fundings before it."""
        following, low = self._moved(states, moves, bounds.low, bar, at_open, dues, paid)
        same = bounds.high is bounds.low
        high = low if same else self._moved(states, moves, bounds.high, bar, at_open, dues, paid)[1]
        self._put(following, low, high, bounds.several)

    def _put(self, states: HistoryStates, low: HistoryOfEach, high: HistoryOfEach, several: bool) -> None:
        ended = all(state is None for state in states)
        known = self.ended if ended else self.open.get(states)
        if known is None:
            bounds = Bounds(low, high, several=several)
            if ended:
                self.ended = bounds
            else:
                self.open[states] = bounds
            return
        known.several = True
        if self._value(low) < self._value(known.low):
            known.low = low
        if self._value(high) > self._value(known.high):
            known.high = high

    def _value(self, histories: HistoryOfEach) -> float:
        """Return the value to bound: the net result, or the difference of two."""
        nets = [
            history.net if isinstance(history, History) else policy.account.net(history)
            for policy, history in zip(self.policies, histories, strict=True)
        ]
        return nets[0] if len(nets) == 1 else nets[1] - nets[0]

    def _moved(
        self,
        states: HistoryStates,
        moves: Moves,
        histories: HistoryOfEach,
        bar: Bar,
        at_open: bool,
        dues: Sequence[Dues],
        paid: Sequence[int],
    ) -> tuple[HistoryStates, HistoryOfEach]:
        following: list[HistoryState | None] = []
        moved: list[Path | History] = []
        for number, (policy, state, move) in enumerate(zip(self.policies, states, moves, strict=True)):
            place, history = state, histories[number]
            if state is not None and move is not None:
                path = path_of(history)
                due = dues[number]
                if due:
                    path = policy.with_funding(state, path, due[: paid[number]])
                place, history = policy.moved(state, path, move, bar, at_open, self.holes)
                if isinstance(history, History):
                    self.last_end_ms = max(self.last_end_ms, history.legs[-1].at_ms)
                elif place is not None and due:
                    history = policy.with_funding(place, history, due[paid[number] :])
            following.append(place)
            moved.append(history)
        return tuple(following), tuple(moved)

    def _paid(self, states: HistoryStates, histories: HistoryOfEach, dues: Dues) -> HistoryOfEach:
        paid: Iterable[Path | History] = [
            history if state is None else policy.with_funding(state, path_of(history), dues)
            for policy, state, history in zip(self.policies, states, histories, strict=True)
        ]
        return tuple(paid)


def path_of(history: Path | History) -> Path:
    """Return a history known to be open, as a path."""
    assert isinstance(history, Path)
    return history


def _replaced(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])
