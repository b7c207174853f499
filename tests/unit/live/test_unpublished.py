"""For how long something committed has waited to be published."""

from exitbrain.application.live.unpublished import SAMPLES_MAX, Unpublished


def test_nothing_waits_when_all_is_published() -> None:
    unpublished = Unpublished()
    assert unpublished.seconds(5.0) == 0.0

    unpublished.published_upto(7)
    unpublished.log_ends_at(7, 1.0)
    assert unpublished.seconds(100.0) == 0.0


def test_the_oldest_that_waits_counts() -> None:
    unpublished = Unpublished()
    for second in range(10):
        unpublished.log_ends_at(10 + second, float(second))
    assert unpublished.seconds(10.0) == 10.0

    unpublished.published_upto(14)
    assert unpublished.seconds(10.0) == 5.0
    unpublished.published_upto(19)
    assert unpublished.seconds(10.0) == 0.0


def test_what_is_to_be_published_again_waits_from_then_on() -> None:
    unpublished = Unpublished()
    unpublished.published_upto(20)
    unpublished.log_ends_at(20, 1.0)
    unpublished.published_upto(3)
    unpublished.log_ends_at(20, 5.0)
    assert unpublished.seconds(7.0) == 2.0


def test_what_is_remembered_is_bounded() -> None:
    unpublished = Unpublished()
    for second in range(10_000):
        unpublished.log_ends_at(1 + second, float(second))
    assert len(unpublished._ends) == SAMPLES_MAX
    assert unpublished.seconds(10_000.0) == 10_000.0
