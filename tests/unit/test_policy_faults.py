"""What is wrong with a policy, in full: every fault at once, where it is and what was expected there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from holdfast.errors import InvalidRequest, RuleRefused
from holdfast.money import Money
from holdfast.policy import DEFAULT, from_json, resolve
from holdfast.policy_coherence import check_against


def faults(terms, kind):
    """Without the `/policy` that every pointer begins with."""
    with pytest.raises(kind) as refused:
        resolve(terms)
    first = "The policy is malformed." if kind is InvalidRequest else refused.value.errors[0].detail
    assert refused.value.detail == first
    assert all(fault.pointer.startswith("/policy/") for fault in refused.value.errors)
    return {fault.pointer.removeprefix("/policy/"): fault.detail for fault in refused.value.errors}


TIER = {"hours_before": 1, "percent": 5}
DECIMAL = 'This must be a decimal as a string, for example "1.2", or an integer.'


def test_every_fault_of_shape_is_told_at_once_with_what_was_expected():
    malformed = {
        "hold_ratio": 1.5,
        "settle_hours": "24",
        "booking_grace_minutes": "30",
        "no_show_grace_minutes": None,
        "no_show_contest_minutes": True,
        "self_refund_until_hours": 1.5,
        "capture_on_attendance": "yes",
        "on_unplaceable_hold": "sell",
        "no_show_fee": 5,
        "cancellation_tiers": [
            5,
            {"percent": 5},
            {"hours_before": 1},
            {"hours_before": 1, "amount": -1},
            {"hours_before": 1, "percent": "much"},
            TIER | {"until": 3},
            6,
        ],
    }

    assert faults(malformed, InvalidRequest) == {
        "hold_ratio": DECIMAL,
        "settle_hours": "This must be an integer.",
        "booking_grace_minutes": "This must be an integer.",
        "no_show_grace_minutes": "This must be an integer.",
        "no_show_contest_minutes": "This must be an integer.",
        "self_refund_until_hours": "This must be an integer.",
        "capture_on_attendance": "This must be true or false.",
        "on_unplaceable_hold": "This must be one of: cancel, keep.",
        "no_show_fee": "This must be an object with percent or amount.",
        "cancellation_tiers/0": "A tier must be an object.",
        "cancellation_tiers/1/hours_before": "This field is missing.",
        "cancellation_tiers/2": "Exactly one of percent and amount is needed.",
        "cancellation_tiers/3/amount": "This must be an integer of at least 0, in minor units.",
        "cancellation_tiers/4/percent": DECIMAL,
        "cancellation_tiers/5/until": "This field is not known.",
        "cancellation_tiers/6": "A tier must be an object.",
    }


def test_tiers_that_are_no_list_are_told_as_such():
    assert faults({"cancellation_tiers": TIER}, InvalidRequest) == {
        "cancellation_tiers": "This must be a list of tiers."
    }


def test_every_fault_of_rule_is_told_at_once_with_what_is_allowed():
    against = {
        "hold_ratio": 3,
        "settle_hours": 745,
        "cancellation_tiers": [TIER | {"hours_before": 8785}, TIER | {"hours_before": -1}, TIER, TIER],
    }

    assert faults(against, RuleRefused) == {
        "hold_ratio": "The hold must be between 1 and 2 times the price.",
        "settle_hours": "This must be between 0 and 744.",
        "cancellation_tiers/0/hours_before": "This must be between 0 and 8784.",
        "cancellation_tiers/1/hours_before": "This must be between 0 and 8784.",
        "cancellation_tiers/3/hours_before": "Two tiers overlap: both begin 1 hours before the start.",
    }


def test_terms_that_do_not_fit_together_say_so():
    waits = {"no_show_grace_minutes": 5000, "no_show_contest_minutes": 5000}

    assert faults(waits, RuleRefused) == {
        "no_show_contest_minutes": "Grace and contest can be 6720 minutes together: the hold has to outlive them."
    }


def test_a_fee_above_the_hold_is_told_with_the_hold_once_there_is_a_price():
    with pytest.raises(RuleRefused) as refused:
        check_against(resolve({"no_show_fee": {"amount": 6001}}), Money(5000, "eur"))

    said = "A fee cannot exceed the hold, which is 6000 for this price."
    assert refused.value.detail == said
    assert [(fault.pointer, fault.detail) for fault in refused.value.errors] == [("/policy/no_show_fee/amount", said)]


def test_twenty_tiers_are_enough():
    tiers = [TIER | {"hours_before": hours} for hours in range(1, 22)]

    assert len(resolve({"cancellation_tiers": tiers[:20]}).cancellation_tiers) == 20
    assert faults({"cancellation_tiers": tiers}, RuleRefused) == {
        "cancellation_tiers": "There can be at most 20 tiers."
    }


@pytest.mark.parametrize(
    ("term", "most"), [("settle_hours", 744), ("free_cancellation_hours", 8784), ("self_refund_until_hours", 8784)]
)
def test_a_term_may_be_the_largest_that_is_told(term, most):
    assert getattr(resolve({term: most}), term) == most


@pytest.mark.parametrize(("ratio", "kind"), [(999_999, RuleRefused), (1_000_000, InvalidRequest)])
def test_a_decimal_has_at_most_six_digits_before_its_point_as_a_number_too(ratio, kind):
    assert set(faults({"hold_ratio": ratio}, kind)) == {"hold_ratio"}
    assert set(faults({"hold_ratio": str(ratio)}, kind)) == {"hold_ratio"}


@pytest.mark.parametrize("name", ["a/b~c", "x" * 64])
def test_an_unknown_name_comes_back_as_a_json_pointer(name):
    (pointer,) = faults({name: 1}, InvalidRequest)

    assert pointer == name.replace("~", "~0").replace("/", "~1")


def test_a_name_comes_back_at_64_characters_at_most():
    assert list(faults({"x" * 65: 1}, InvalidRequest)) == ["x" * 64]


def test_a_stored_policy_names_each_term_that_it_lacks():
    stored = DEFAULT.to_json()
    del stored["hold_ratio"], stored["settle_hours"]

    with pytest.raises(InvalidRequest, match="incomplete") as refused:
        from_json(stored)

    assert [(fault.pointer, fault.detail) for fault in refused.value.errors] == [
        ("/policy/hold_ratio", "Missing."),
        ("/policy/settle_hours", "Missing."),
    ]


def test_a_term_that_came_later_is_the_defaults_where_it_was_not_stored():
    stored = DEFAULT.to_json() | {"hold_ratio": "1.5"}
    del stored["off_session_fees"]

    assert (from_json(stored).hold_ratio, from_json(stored).off_session_fees) == (Decimal("1.5"), True)
