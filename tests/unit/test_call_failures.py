"""What a call that failed tells: what Stripe said, and of a decline what the customer may see of it."""

from __future__ import annotations

import pytest

from holdfast.call_failures import CallRefused, CardRefused, OutcomeUnknown
from holdfast.stripe_objects import shown
from tests.unit.builders import decline, intent


def test_an_unknown_outcome_says_whether_stripe_answered_and_whether_it_had_answered_before():
    plain = OutcomeUnknown("no answer", answered=False)
    stored = OutcomeUnknown("a stored answer", answered=True, replayed=True)

    assert (str(plain), plain.answered, plain.replayed) == ("no answer", False, False)
    assert (str(stored), stored.answered, stored.replayed) == ("a stored answer", True, True)


def test_a_refused_card_is_named_by_stripes_code():
    refused = CardRefused(decline("expired_card", None), intent())

    assert (str(refused), refused.decline, refused.intent) == ("expired_card", decline("expired_card", None), intent())


def test_a_refused_call_keeps_what_stripe_said_of_it():
    plain = CallRefused("invalid_request", "no")
    full = CallRefused("resource_missing", "No such customer.", param="customer", status=404)

    assert (str(plain), plain.code, plain.message, plain.param, plain.status) == (
        "no",
        "invalid_request",
        "no",
        None,
        400,
    )
    assert (str(full), full.code, full.message, full.param, full.status) == (
        "No such customer.",
        "resource_missing",
        "No such customer.",
        "customer",
        404,
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [("lost_card", "generic_decline"), ("fraudulent", "generic_decline"), ("expired_card", "expired_card")],
)
def test_a_thief_is_not_told_that_the_card_is_known_for_stolen(code, expected):
    assert shown(code) == expected
