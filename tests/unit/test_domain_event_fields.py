"""What an event's `data` may take from a line's details: a time, a code, a number, each only in its own shape."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast import domain_events
from holdfast.domain_event_types import Unmapped, event_type
from holdfast.domain_events import DATA, domain_event
from holdfast.log import Logged
from tests.unit.test_domain_events import line

AT, LATER = "2026-11-20T20:00:00Z", "2026-11-21T20:00:00Z"
# Asked for here and not by way of DATA: DATA is built once, when its module is imported.
TIME, WHOLE, FLAG, SPAN, PLACE = (
    domain_events._time,
    domain_events._whole,
    domain_events._flag,
    domain_events._span,
    domain_events._place,
)


@pytest.mark.parametrize(
    ("reader", "found", "said"),
    [
        (TIME, AT, AT),
        (TIME, "soon", None),
        (TIME, 5, None),
        (TIME, None, None),
        (WHOLE, 4000, 4000),
        (WHOLE, 0, 0),
        (WHOLE, True, None),
        (WHOLE, "4000", None),
        (WHOLE, None, None),
        (FLAG, True, True),
        (FLAG, False, False),
        (FLAG, 1, False),
        (FLAG, None, False),
        (SPAN, [AT, LATER], {"starts_at": AT, "ends_at": LATER}),
        (SPAN, ["then", LATER], {"starts_at": None, "ends_at": LATER}),
        (SPAN, [AT], None),
        (SPAN, [AT, LATER, LATER], None),
        (SPAN, "ab", None),
        (SPAN, None, None),
        (PLACE, {"event_id": "yoga", "starts_at": AT}, {"event_id": "yoga", "starts_at": AT}),
        (PLACE, {"event_id": "yoga at the lake", "starts_at": "then"}, {"event_id": None, "starts_at": None}),
        (PLACE, [AT, LATER], None),
        (PLACE, None, None),
    ],
)
def test_a_detail_goes_out_in_its_own_shape_or_not_at_all(reader, found, said):
    read = reader("it")(line("moved", "succeeded", details={"it": found, "other": AT}))

    assert read == said
    assert type(read) is type(said)


@pytest.mark.parametrize(
    ("reader", "details", "said"),
    [
        (TIME, {"one": AT, "other": LATER}, AT),
        (TIME, {"one": None, "other": LATER}, LATER),
        (TIME, {"other": LATER}, LATER),
        (WHOLE, {"one": 0, "other": 7}, 0),
        (WHOLE, {"other": 7}, 7),
    ],
)
def test_the_first_detail_that_is_there_is_the_one_that_counts(reader, details, said):
    assert reader("one", "other")(line("schedule", "succeeded", details=details)) == said


@pytest.mark.parametrize(
    "details",
    [
        {"amount": 5400},
        {"amount": 5400, "currency": "E U R"},
        {"amount": "5400", "currency": "usd"},
        {"amount": True, "currency": "usd"},
        {"amount": None, "currency": "usd"},
    ],
)
def test_what_is_not_an_amount_in_a_currency_is_no_money(details):
    withdrawn = line("dispute", "funds_withdrawn", "fraudulent", details={"step": "funds_withdrawn"} | details)

    assert data(withdrawn)["balance"] is None


@pytest.mark.parametrize(
    ("reason", "action"), [("new_payment_method", "new_payment_method"), ("authentication", "confirm_payment")]
)
def test_what_a_customer_has_to_mend_is_the_card_or_the_confirmation(reason, action):
    assert data(line("mend", "pending", reason))["next_action"] == action


@pytest.mark.parametrize("reason", ["refunded", "refund_updated"])
def test_that_a_refund_was_heard_of_is_no_reason_why_it_failed(reason):
    assert data(line("external", "failed", reason, actor="stripe")) == {"failure_code": None}


def test_a_line_that_nobody_thought_of_is_named_with_its_reason():
    with pytest.raises(Unmapped, match=r"^reminder succeeded with the reason tea$"):
        event_type(line("reminder", "succeeded", "tea"))


def data(written: dict[str, Any]) -> dict[str, Any]:
    made = domain_event(Logged("bk_1", "yoga", written), user_id=None, deployment="holdfast")
    assert made is not None
    assert set(made["data"]) == set(DATA[made["type"]])
    assert made["replayed"] is False
    return dict(made["data"])
