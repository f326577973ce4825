"""The time that one request has: every hop ends inside the one around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.budget import ANSWER_SECONDS, LAST_TRY_SECONDS, LEASE_SECONDS, STRIPE_CALL_SECONDS, Budget

FUNCTION_SECONDS, API_GATEWAY_SECONDS = 28.0, 29.0


def spent(gone: float, *, seconds: float = ANSWER_SECONDS) -> Budget:
    """A budget of which so much is gone; it began when the machine had been up for a while."""
    now = [1000.0]
    budget = Budget(seconds, monotonic=lambda: now[0])
    now[0] += gone
    return budget


def test_each_hop_ends_inside_the_next():
    assert LAST_TRY_SECONDS + STRIPE_CALL_SECONDS < ANSWER_SECONDS < FUNCTION_SECONDS < API_GATEWAY_SECONDS


def test_a_lease_outlives_the_function_and_its_last_call():
    assert LEASE_SECONDS >= FUNCTION_SECONDS + STRIPE_CALL_SECONDS


@pytest.mark.parametrize(
    ("gone", "after", "allowed"),
    [
        (0.0, 0.0, True),
        (17.99, 0.0, True),
        (18.0, 0.0, True),
        (18.01, 0.0, False),
        (17.0, 1.0, True),
        (17.0, 1.01, False),
        (60.0, 0.0, False),
    ],
)
def test_no_try_begins_after_18_seconds(gone, after, allowed):
    assert spent(gone).allows_a_try(after=after) is allowed


@pytest.mark.parametrize(
    ("seconds", "gone", "allowed"),
    [(10.0, 4.0, True), (10.0, 4.01, False), (5.9, 0.0, False), (6.0, 0.0, True), (150.0, 18.01, False)],
)
def test_a_shorter_request_keeps_room_for_the_call_itself(seconds, gone, allowed):
    assert spent(gone, seconds=seconds).allows_a_try() is allowed


def test_time_counts_from_the_making():
    assert spent(7.5).spent == 7.5
    assert Budget(monotonic=lambda: 50.0, started=20.0).spent == 30.0


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_an_allowed_try_ends_in_time(seconds, gone, after):
    if spent(gone, seconds=seconds).allows_a_try(after=after):
        assert gone + after + STRIPE_CALL_SECONDS <= seconds + 1e-9
        assert gone + after <= LAST_TRY_SECONDS
