"""A renewal that ends without its customer: the line says why, and what somebody took of it is put before staff."""

from __future__ import annotations

import pytest

from holdfast.booking import HoldState
from holdfast.reconcile import observe
from tests.unit.builders import DAY, START, held, hold, seen

NOW = START - DAY
WAITING = held(renewal=hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2", operation_id="op_renew"))


@pytest.mark.parametrize(
    ("status", "why", "reason"),
    [
        ("canceled", "abandoned", "abandoned"),
        ("canceled", None, "canceled"),
        ("expired", None, "expired"),
        ("requires_reauthorization", None, "requires_reauthorization"),
    ],
)
def test_a_renewal_that_is_gone_says_why(status, why, reason):
    after, (line,) = observe(WAITING, seen(status, id="pi_2", cancellation_reason=why), NOW)

    assert after.renewal is None
    assert (line.kind, line.status, line.reason, line.stripe_id) == ("renew", "canceled", reason, "pi_2")


def test_a_renewal_that_somebody_captured_is_before_staff_from_then_on_and_once():
    after, _ = observe(WAITING, seen("succeeded", id="pi_2"), NOW)
    known = held(renewal=WAITING.renewal, captured_strangers=("pi_2",))

    assert (after.attention_since, after.renewal) == (NOW, None)
    assert observe(known, seen("succeeded", id="pi_2"), NOW) == (known, [])
