"""Errors: what they say, where, and when to try again."""

from __future__ import annotations

import pytest

from holdfast.errors import (
    FieldError,
    InvalidRequest,
    OperationInProgress,
    RateLimited,
    RuleRefused,
    StripeUnavailable,
    TooFarAhead,
)


@pytest.mark.parametrize("kind", [InvalidRequest, RuleRefused, TooFarAhead])
def test_a_fault_of_one_field_is_told_as_a_whole_and_at_its_place(kind):
    error = kind.at("/amount", "This must be an integer.")

    assert type(error) is kind
    assert error.detail == "This must be an integer."
    assert error.errors == (FieldError("/amount", "This must be an integer."),)


@pytest.mark.parametrize(
    ("made", "words", "seconds"),
    [
        (OperationInProgress, "under way", 2),
        (lambda: OperationInProgress("The answer is being sent.", retry_after=9), "The answer is being sent.", 9),
        (lambda: RateLimited(7), "Too many requests", 7),
        (StripeUnavailable, "cannot be reached", 5),
        (lambda: StripeUnavailable("Stripe is slow.", retry_after=1), "Stripe is slow.", 1),
    ],
)
def test_what_passes_says_what_it_is_and_when_to_try_again(made, words, seconds):
    error = made()

    assert words in error.detail
    assert error.retry_after == seconds
