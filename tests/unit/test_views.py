"""What is served has the shape that OpenAPI promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast import policy
from holdfast.booking import Booking, Hold, HoldState, Outcome, Setup, SetupState
from holdfast.event import Event
from holdfast.log import Entry, append
from holdfast.money import Money
from holdfast.served import booking_view, event_view, staff_booking_view
from holdfast.views import BookingView, EventView, LogLineView

NOW = datetime(2026, 11, 23, 20, tzinfo=UTC)
HOLD = Hold(payment_intent_id="pi_1", amount=3000, state=HoldState.LIVE, placed_at=NOW, expires_at=NOW)
BOOKING = Booking(
    booking_id="bkg_1",
    user_id="did:privy:alice",
    event_id="evt_1",
    customer_id="cus_1",
    payment_method_id="pm_1",
    price=Money(2500, "eur"),
    hold_amount=3000,
    policy=policy.DEFAULT,
    event_version=1,
    starts_at=NOW + timedelta(days=3),
    ends_at=NOW + timedelta(days=3, hours=2),
    timezone="Europe/Berlin",
    created_at=NOW,
    updated_at=NOW,
    hold=HOLD,
)


@pytest.mark.parametrize(
    "booking",
    [
        BOOKING,
        replace(BOOKING, hold=None),
        replace(BOOKING, hold=None, setup=Setup(payment_method_id="pm_1", state=SetupState.SUCCEEDED)),
        replace(
            BOOKING,
            hold=None,
            new_card=Setup(
                payment_method_id="pm_1",
                state=SetupState.ACTION_REQUIRED,
                setup_intent_id="seti_1",
                client_secret="seti_1_secret_x",
            ),
            action_deadline=NOW,
        ),
        replace(BOOKING, hold=replace(HOLD, state=HoldState.EXPIRED), refused_card="pm_1", mend_by=NOW),
        replace(BOOKING, hold=replace(HOLD, state=HoldState.DECLINED), declines=1, mend_by=NOW),
        replace(BOOKING, renewal=replace(HOLD, state=HoldState.ACTION_REQUIRED, client_secret="pi_2_secret_x")),
        replace(BOOKING, hold=replace(HOLD, expires_at=None)),
        replace(BOOKING, hold=replace(HOLD, state=HoldState.ACTION_REQUIRED, client_secret="pi_1_secret_x")),
        replace(BOOKING, checked_in_at=NOW, cancelled_at=NOW, outcome=Outcome.CANCELLED),
        replace(BOOKING, attention="unplaceable", attention_since=NOW),
    ],
)
def test_a_served_booking_has_the_documented_shape(booking):
    for served in (booking_view(booking), staff_booking_view(booking), booking_view(booking, NOW + timedelta(days=2))):
        expected = {"attention": None} | served | {"policy": served["policy"] | {"text": None}}
        assert BookingView.model_validate(served).model_dump(mode="json") == expected


def test_a_served_event_has_the_documented_shape():
    event = Event(
        event_id="evt_1",
        title="Dinner",
        price=Money(2500, "eur"),
        starts_at=NOW,
        ends_at=NOW,
        timezone="UTC",
        policy=policy.DEFAULT,
        created_at=NOW,
        updated_at=NOW,
    )

    for now in (NOW - timedelta(days=3), NOW - timedelta(hours=3), NOW):
        view = event_view(event, now, "de")
        assert EventView.model_validate(view).model_dump(mode="json") == view


def test_a_served_line_of_the_log_has_the_documented_shape():
    _, (line,) = append(None, BOOKING, [Entry(kind="check_in", status="succeeded", actor="staff:sam")], now=NOW)

    assert LogLineView.model_validate(line).model_dump(mode="json") == line
