"""300 schedules of the live path under simulated faults; the same seed the same bytes; and a checker that can fail."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.effort import share_of
from tests.faults.simulation import virtual_time
from tests.faults.simulation.broken import VARIANTS, Variant
from tests.faults.simulation.runs import digest_of, run
from tests.faults.simulation.taken_over import TakenOver

ROOT = Path(__file__).resolve().parents[2]
SCHEDULES, AT_ONCE = 300, 100
TAKEN_OVER, TAKEN_OVER_AT_ONCE = share_of(100, one_in=2), 25
SEEDS_MAX = 1_000
"""Within so many seeds a broken variant must be seen."""

healthy = cache(run)
"""What a seed came to in this process, for the tests that need no second run of it."""


@pytest.mark.parametrize("first", range(0, SCHEDULES, AT_ONCE))
def test_no_schedule_breaks_a_promise(first: int) -> None:
    broken = {seed: found for seed in range(first, first + AT_ONCE) if (found := healthy(seed).violations)}
    assert not broken, f"again with: python -m tests.faults.simulation --seeds {min(broken)}"


@pytest.mark.parametrize("first", range(0, TAKEN_OVER, TAKEN_OVER_AT_ONCE))
def test_a_store_in_the_place_of_another_publishes_what_it_should_and_only_when_told(first: int) -> None:
    seeds = range(first, first + TAKEN_OVER_AT_ONCE)
    broken = {seed: found for seed in seeds if (found := virtual_time.run(TakenOver(seed).run()))}
    assert not broken


def test_a_seed_gives_the_same_log_and_streams_in_every_process() -> None:
    seeds = range(10)
    here = digest_of(healthy(seed) for seed in seeds)
    assert here == digest_of(run(seed) for seed in seeds)
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-m", "tests.faults.simulation", "--seeds", f"0:{len(seeds)}"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        )
        assert here in there.stdout


def test_seeds_differ() -> None:
    assert len({healthy(seed).digest for seed in range(20)}) == 20


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_the_checker_sees_a_live_path_that(variant: Variant) -> None:
    for seed in range(variant.since, variant.since + SEEDS_MAX):
        if any(variant.seen_as in found for found in run(seed, variant.parts).violations):
            return
    pytest.fail(f"not seen in {SEEDS_MAX} seeds from {variant.since} on")
