"""Calls of one process, kept apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.pace import CALLS_A_SECOND, Pace


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(st.lists(st.tuples(st.integers(1, 3), st.floats(0, 2)), min_size=1, max_size=40))
def test_over_any_run_of_calls_there_are_never_more_than_the_pace_allows(calls):
    time = Time()
    pace = Pace(monotonic=lambda: time.now, sleep=time.sleep)
    made = []
    for count, idle in calls:
        time.now += idle
        pace.wait(count)
        made.append((time.now, count))

    for first, (begun, _) in enumerate(made):
        between = sum(count for _, count in made[first:-1])
        assert made[-1][0] - begun >= between / CALLS_A_SECOND - 1e-6


def test_whoever_was_idle_does_not_wait():
    time = Time()
    pace = Pace(per_second=1, monotonic=lambda: time.now, sleep=time.sleep)
    pace.wait()
    time.now += 60

    pace.wait()

    assert time.now == 1060


def test_stripe_s_customers_keep_most_of_the_limit():
    assert CALLS_A_SECOND <= 25 / 4
