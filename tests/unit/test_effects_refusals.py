"""A refusal says which and why, and carries what Stripe held when it was made, where Stripe showed it."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from holdfast import effects
from holdfast.booking import Kind
from holdfast.call_failures import CallRefused, CardRefused, OutcomeUnknown
from holdfast.effects import Found
from holdfast.settlement import Abandoned, Declined, Refused
from holdfast.stripe_objects import Decline
from tests.unit.builders import BEFORE, intent, operation, seen, setup_intent

NO = CallRefused("resource_missing", "No such thing.")
BROKEN = OutcomeUnknown("An error of Stripe's that it stored.", answered=True, replayed=True)


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
def test_an_effect_is_asked_for_under_its_bookings_name_and_its_operations_key(kind):
    gateway = Mock()

    effects.attempt(gateway, BEFORE[kind](), operation(kind))

    getattr(gateway, kind).assert_called_once_with("bk_1", operation(kind), f"op_{kind}")


@pytest.mark.parametrize(("kind", "finds"), [(Kind.RENEW, "find_authorization"), (Kind.SCHEDULE, "find_setup")])
def test_what_became_of_a_card_is_looked_for_at_its_customer(kind, finds):
    gateway = Mock(**{f"{finds}.return_value": None})

    assert effects.look(gateway, BEFORE[kind](), operation(kind)) is Found.ABSENT
    getattr(gateway, finds).assert_called_once_with("cus_1", operation(kind))


def test_a_hundred_keys_may_be_spoilt_and_not_one_more():
    gateway = Mock(**{"release.side_effect": BROKEN})

    assert effects.attempt(gateway, BEFORE[Kind.RELEASE](), operation(Kind.RELEASE)) is None
    assert [call.args[2] for call in gateway.release.call_args_list] == [
        "op_release",
        *(f"op_release:{number}" for number in range(2, 101)),
    ]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (
            "requires_payment_method",
            Declined(
                Decline(code="card_declined", decline_code=None, message="The card was declined."),
                intent("requires_payment_method"),
            ),
        ),
        ("requires_confirmation", Abandoned(intent("requires_confirmation"))),
        (
            "canceled",
            Declined(
                Decline(code="canceled", decline_code=None, message="The authorization was canceled."),
                intent("canceled"),
            ),
        ),
    ],
)
def test_an_authorization_that_did_not_come_says_why_and_names_its_payment_intent(status, says):
    assert effects.authorization(intent(status)) == says


def test_a_card_that_refuses_a_capture_is_quoted():
    no = Decline(code="card_declined", decline_code="do_not_honor", message="The bank will not.")
    gateway = Mock(**{"capture.side_effect": CardRefused(no, None), "observe.side_effect": NO})

    verdict = effects.attempt(gateway, BEFORE[Kind.CAPTURE](), operation(Kind.CAPTURE))

    assert verdict == Refused("card_declined", "The bank will not.", None)


@pytest.mark.parametrize("status", ["requires_capture", "requires_action", "requires_confirmation"])
@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
def test_while_the_hold_may_still_be_placed_nothing_has_happened_to_it(kind, status):
    assert effects.evidence(operation(kind), seen(status)) is Found.ABSENT


@pytest.mark.parametrize(
    ("kind", "status", "code", "message"),
    [
        (Kind.CAPTURE, "succeeded", "captured_outside", "The hold was captured by somebody else."),
        (Kind.CAPTURE, "canceled", "canceled", "The hold is canceled already."),
        (Kind.CAPTURE, "expired", "expired", "The hold is expired already."),
        (Kind.RELEASE, "succeeded", "succeeded", "The hold is succeeded already."),
        (
            Kind.RELEASE,
            "requires_reauthorization",
            "requires_reauthorization",
            "The hold is requires_reauthorization already.",
        ),
    ],
)
def test_what_somebody_else_did_is_told_with_its_name(kind, status, code, message):
    assert effects.evidence(operation(kind), seen(status)) == Refused(code, message, seen(status))


@pytest.mark.parametrize(
    ("kind", "changes", "looking"),
    [
        (Kind.AUTHORIZE, {}, {"find_authorization.return_value": None}),
        (Kind.SCHEDULE, {}, {"find_setup.return_value": None}),
        (Kind.CAPTURE, {}, {"observe.side_effect": NO}),
        (Kind.REFUND, {"payment_intent_id": None}, {}),
    ],
)
def test_a_refusal_behind_which_stripe_shows_nothing_is_stripes_own_word(kind, changes, looking: dict[str, Any]):
    names = {Kind.SCHEDULE: "save_card"}
    gateway = Mock(**{f"{names.get(kind, kind)}.side_effect": NO}, **looking)

    verdict = effects.attempt(gateway, BEFORE[kind](), operation(kind, **changes))

    assert verdict == Refused("resource_missing", "No such thing.", None)


def test_a_refusal_carries_what_stripe_holds_now():
    gateway = Mock(**{"capture.side_effect": NO, "observe.return_value": seen("canceled")})

    verdict = effects.attempt(gateway, BEFORE[Kind.CAPTURE](), operation(Kind.CAPTURE))

    assert verdict == Refused("resource_missing", "No such thing.", seen("canceled"))
    gateway.observe.assert_called_once_with("pi_1")


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_confirmation", "canceled"])
def test_a_card_that_could_not_be_saved_without_a_reason_was_declined(status):
    generic = Decline(code="card_declined", decline_code=None, message="The card was declined.")

    assert effects.saved_card(setup_intent(status)) == Declined(generic, None)
