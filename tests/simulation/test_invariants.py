"""Every rule bites: a sound story breaks none, and broken in one place it breaks the rule that is about that place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from holdfast.booking import HoldState, Kind, Outcome, RefundStatus
from tests.integration.conftest import ENVIRONMENT
from tests.simulation.invariants import AT_REST_ONLY, RULES, violations
from tests.simulation.sides import BookSide, Intent, Kept, Returned, StripeSide, sides_of
from tests.unit.builders import operation
from tests.world import DEPLOYMENT, World, build

Sides = tuple[StripeSide, BookSide, datetime]


def _story(world: World) -> dict[str, str]:
    """Seven bookings, each with another end; their ids by what became of them."""
    world.event(policy={"no_show_capture": "always"}, starts_in=timedelta(days=3))
    ids = {name: world.held(name, key=name) for name in ("held", "in time", "refunded", "late", "absent", "taken")}
    assert world.on("cancel", ids["in time"], user="in time").status == 200
    assert world.on("complete", ids["refunded"], staff="sam", body={"amount": 4000}).status == 200
    assert world.refund(ids["refunded"], amount=1500).status == 201
    world.advance(days=2, hours=12)
    assert world.on("cancel", ids["late"], user="late").status == 200
    taken = world.booking(ids["taken"]).hold
    assert taken is not None
    world.stripe.v1.payment_intents.capture(taken.payment_intent_id, {"amount_to_capture": 2000})
    world.deliver()
    assert world.on("check-in", ids["held"], staff="sam").status == 200
    world.advance(hours=13)
    for _ in range(2):
        world.sweep()
        world.deliver()
    return ids


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Sides, dict[str, str]]]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        world = build(patch)
        ids = _story(world)
        yield (*sides_of(world, deployment=DEPLOYMENT), world.time()), ids


def broken(sides: Sides) -> set[str]:
    return {violation.rule for violation in violations(*sides)}


def test_a_sound_story_breaks_no_rule(played: tuple[Sides, dict[str, str]]) -> None:
    sides, ids = played

    assert violations(*sides) == []
    assert {name: str(sides[1].bookings[booking_id].booking.payment_status) for name, booking_id in ids.items()} == {
        "held": "held",
        "in time": "released",
        "refunded": "partially_refunded",
        "late": "captured",
        "absent": "captured",
        "taken": "captured",
    }


def test_the_rules_are_sentences_and_each_is_listed_once() -> None:
    assert len(set(RULES)) == len(RULES)
    assert set(RULES) >= AT_REST_ONLY
    for rule in RULES:
        assert rule.__doc__
        assert rule.__doc__.strip().endswith(".")


# --- one place broken -------------------------------------------------------------------------------------------------


class Breaks:
    """The sides with one thing changed."""

    def __init__(self, sides: Sides, ids: dict[str, str]) -> None:
        self.stripe, self.book, self.now = sides
        self.ids = ids

    def kept(self, name: str) -> Kept:
        return self.book.bookings[self.ids[name]]

    def intent(self, name: str) -> Intent:
        hold = self.kept(name).booking.hold
        assert hold is not None
        return self.stripe.intents[hold.payment_intent_id]

    def with_intent(self, intent: Intent) -> Sides:
        return replace(self.stripe, intents={**self.stripe.intents, intent.intent_id: intent}), self.book, self.now

    def with_kept(self, kept: Kept) -> Sides:
        bookings = {**self.book.bookings, kept.booking.booking_id: kept}
        return self.stripe, replace(self.book, bookings=bookings), self.now

    def with_booking(self, name: str, **changes: Any) -> Sides:
        kept = self.kept(name)
        return self.with_kept(replace(kept, booking=replace(kept.booking, **changes)))

    def with_line(self, name: str, kind: str, status: str, /, **changes: Any) -> Sides:
        kept = self.kept(name)
        chosen = next(line for line in kept.lines if (line["kind"], line["status"]) == (kind, status))
        details = {"details": chosen["details"] | changes.pop("details", {})}
        return self.with_kept(
            replace(kept, lines=[line | changes | details if line is chosen else line for line in kept.lines])
        )

    def without_line(self, name: str, kind: str, status: str) -> Sides:
        kept = self.kept(name)
        return self.with_kept(
            replace(kept, lines=[line for line in kept.lines if (line["kind"], line["status"]) != (kind, status)])
        )

    def twice(self, name: str, kind: str, status: str) -> Sides:
        kept = self.kept(name)
        line = next(line for line in kept.lines if (line["kind"], line["status"]) == (kind, status))
        return self.with_kept(replace(kept, lines=[*kept.lines, line]))

    def with_item(self, name: str, **changes: Any) -> Sides:
        kept = self.kept(name)
        item = {key: value for key, value in (dict(kept.item) | changes).items() if value is not None}
        return self.with_kept(replace(kept, item=item))

    def another_intent(self, name: str, **changes: Any) -> Sides:
        return self.with_intent(replace(self.intent(name), intent_id="pi_another", **changes))


def _hold(breaks: Breaks, name: str, **changes: Any) -> Any:
    hold = breaks.kept(name).booking.hold
    assert hold is not None
    return replace(hold, **changes)


BREAKS: dict[str, tuple[str, Callable[[Breaks], Sides]]] = {
    "Stripe took more than the log says": (
        "captured_is_what_the_log_says",
        lambda b: b.with_intent(replace(b.intent("late"), received=5100)),
    ),
    "the booking says that more was captured": (
        "captured_is_what_the_log_says",
        lambda b: b.with_booking("late", captured=5001),
    ),
    "the booking forgot a refund": (
        "refunded_is_what_the_log_says",
        lambda b: b.with_booking("refunded", refunds=()),
    ),
    "a refund failed at Stripe and nobody noticed": (
        "refunded_is_what_the_log_says",
        lambda b: b.with_intent(
            replace(
                b.intent("refunded"), refunds=tuple(replace(r, status="failed") for r in b.intent("refunded").refunds)
            )
        ),
    ),
    "the balance moved by more": (
        "the_sums_agree",
        lambda b: (replace(b.stripe, balance={"eur": (16_001, 1500)}), b.book, b.now),
    ),
    "the balance moved in another currency": (
        "the_sums_agree",
        lambda b: (replace(b.stripe, balance={**b.stripe.balance, "usd": (1, 0)}), b.book, b.now),
    ),
    "more taken than authorized": (
        "never_more_than_was_authorized",
        lambda b: b.with_intent(replace(b.intent("late"), authorized=4999)),
    ),
    "more captured than was held": (
        "never_more_than_was_authorized",
        lambda b: b.with_booking("late", hold=_hold(b, "late", amount=4999)),
    ),
    "more sent back than was taken": (
        "never_more_back_than_was_taken",
        lambda b: b.with_intent(replace(b.intent("refunded"), received=1499)),
    ),
    "the book sent back more than it took": (
        "never_more_back_than_was_taken",
        lambda b: b.with_booking("refunded", captured=1499),
    ),
    "a second hold": ("one_live_hold", lambda b: b.another_intent("held")),
    "a hold on a cancelled booking": (
        "one_live_hold",
        lambda b: b.with_intent(replace(b.intent("in time"), status="requires_capture")),
    ),
    "3-D Secure waits on a closed booking": (
        "one_live_hold",
        lambda b: b.another_intent("in time", status="requires_action", was_held=False),
    ),
    "two are held inside a renewal that is over": (
        "one_live_hold",
        lambda b: replace_sides(
            b.another_intent("held"),
            b.with_booking("held", renewal=_hold(b, "held", payment_intent_id="pi_another")),
        ),
    ),
    "a hold that Stripe let go": (
        "a_hold_is_really_held",
        lambda b: b.with_intent(replace(b.intent("held"), status="canceled")),
    ),
    "a hold of another amount": (
        "a_hold_is_really_held",
        lambda b: b.with_intent(replace(b.intent("held"), authorized=6001)),
    ),
    "a hold that Stripe does not know": (
        "a_hold_is_really_held",
        lambda b: b.with_booking("held", hold=_hold(b, "held", payment_intent_id="pi_nobody")),
    ),
    "released, and money was kept": (
        "nothing_is_owed",
        lambda b: b.with_intent(replace(b.intent("in time"), status="succeeded", received=100)),
    ),
    "more is kept of a no-show than the fee": (
        "nothing_is_owed",
        lambda b: b.with_booking("absent", fee=4000),
    ),
    "the event was cancelled, and a fee is kept": (
        "nothing_is_owed",
        lambda b: b.with_booking("late", outcome=Outcome.EVENT_CANCELLED),
    ),
    "a fee that the policy does not know": ("fees_are_the_policy_s", lambda b: b.with_booking("late", fee=4999)),
    "a fee of somebody who came": ("fees_are_the_policy_s", lambda b: b.with_booking("refunded", fee=4000)),
    "another amount than the clause": (
        "every_amount_follows_from_the_log",
        lambda b: b.with_line("late", "capture", "started", amount=4900),
    ),
    "another clause than the instant": (
        "every_amount_follows_from_the_log",
        lambda b: b.with_line("late", "capture", "started", details={"clause": "cancelled within the free window"}),
    ),
    "another instant than the wish's": (
        "every_amount_follows_from_the_log",
        lambda b: b.with_line("late", "cancel_request", "succeeded", details={"requested_at": "2026-11-23T20:00:00Z"}),
    ),
    "a policy that nobody accepted": (
        "every_amount_follows_from_the_log",
        lambda b: b.with_line("late", "authorize", "started", details={"policy_hash": "0" * 64}),
    ),
    "a capture without its line": (
        "no_movement_without_its_line",
        lambda b: b.without_line("late", "capture", "succeeded"),
    ),
    "a capture with two lines": ("no_movement_without_its_line", lambda b: b.twice("late", "capture", "succeeded")),
    "a refund without its line": (
        "no_movement_without_its_line",
        lambda b: b.without_line("refunded", "refund", "succeeded"),
    ),
    "a refund of another amount": (
        "no_movement_without_its_line",
        lambda b: b.with_line("refunded", "refund", "succeeded", amount=1400),
    ),
    "an authorization without a line": (
        "no_movement_without_its_line",
        lambda b: b.another_intent("held", status="canceled"),
    ),
    "an authorization for nobody": (
        "no_movement_without_its_line",
        lambda b: b.another_intent("held", booking_id="bk_nobody"),
    ),
    "a capture that never was": (
        "no_line_without_its_movement",
        lambda b: b.with_intent(replace(b.intent("late"), received=0)),
    ),
    "a release that never was": (
        "no_line_without_its_movement",
        lambda b: b.with_intent(replace(b.intent("in time"), status="requires_capture")),
    ),
    "a refund that never was": (
        "no_line_without_its_movement",
        lambda b: b.with_intent(replace(b.intent("refunded"), refunds=())),
    ),
    "an authorization that never was": (
        "no_line_without_its_movement",
        lambda b: b.with_line("held", "authorize", "succeeded", stripe_id="pi_nobody"),
    ),
    "the same release twice": ("no_line_without_its_movement", lambda b: b.twice("in time", "release", "succeeded")),
    "an authorization that was made twice": (
        "no_operation_acts_twice",
        lambda b: b.another_intent("held", status="canceled"),
    ),
    "a refund that was made twice": ("no_operation_acts_twice", lambda b: _refunded_again(b)),
    "a refund of ours taken for somebody else's": (
        "no_operation_acts_twice",
        lambda b: b.with_line("refunded", "refund", "succeeded", kind="external", operation_id=None),
    ),
    "a capture of ours taken for somebody else's": (
        "no_operation_acts_twice",
        lambda b: b.with_line("late", "capture", "succeeded", kind="external", reason="captured", operation_id=None),
    ),
    "an end without a beginning": (
        "every_operation_ends_once",
        lambda b: b.without_line("late", "capture", "started"),
    ),
    "a beginning without an end": (
        "every_operation_ends_once",
        lambda b: b.without_line("in time", "release", "succeeded"),
    ),
    "two ends": ("every_operation_ends_once", lambda b: b.twice("in time", "release", "succeeded")),
    "two beginnings": ("every_operation_ends_once", lambda b: b.twice("in time", "release", "started")),
    "an operation under way": (
        "nothing_is_left_under_way",
        lambda b: b.with_booking("held", operation=operation(Kind.CAPTURE)),
    ),
    "a hold that has to go": ("nothing_is_left_under_way", lambda b: b.with_booking("held", superseded=("pi_old",))),
    "a request without its answer": (
        "every_request_has_its_answer",
        lambda b: (b.stripe, replace(b.book, records=_unanswered(b)), b.now),
    ),
    "a line altered": ("the_chain_holds", lambda b: b.with_line("held", "check_in", "succeeded", actor="customer")),
    "a line missing": ("the_chain_holds", lambda b: b.without_line("held", "check_in", "succeeded")),
    "a head that is another": ("the_chain_holds", lambda b: b.with_booking("held", chain_head="0" * 64)),
    "lines of nobody": (
        "the_chain_holds",
        lambda b: (b.stripe, replace(b.book, stray_lines=("bk_nobody",)), b.now),
    ),
    "due at another instant": (
        "the_due_index_is_the_state_s",
        lambda b: b.with_item("held", due_at="2026-11-23T20:00:00.000000Z"),
    ),
    "open and in no shard": (
        "the_due_index_is_the_state_s",
        lambda b: b.with_item("held", due_shard=None, due_at=None),
    ),
    "closed and still in a shard": (
        "the_due_index_is_the_state_s",
        lambda b: b.with_item("in time", due_shard="1", due_at="2026-11-23T20:00:00.000000Z"),
    ),
    "listed with another status": (
        "the_due_index_is_the_state_s",
        lambda b: b.with_item("late", payment_status="held"),
    ),
    "an event in no shard": ("the_due_index_is_the_state_s", lambda b: _event_out_of_its_shard(b)),
    "due and not looked at": (
        "nothing_due_is_left",
        lambda b: (b.stripe, b.book, b.now + timedelta(days=2)),
    ),
}


def replace_sides(stripe_of: Sides, book_of: Sides) -> Sides:
    return stripe_of[0], book_of[1], book_of[2]


def _unanswered(breaks: Breaks) -> dict[str, Any]:
    key, record = next((k, r) for k, r in breaks.book.records.items() if r.get("operation_id"))
    return {**breaks.book.records, key: {name: value for name, value in record.items() if name != "answer"}}


def _refunded_again(breaks: Breaks) -> Sides:
    intent = breaks.intent("refunded")
    return breaks.with_intent(
        replace(intent, refunds=(*intent.refunds, replace(intent.refunds[0], refund_id="re_again")))
    )


def _event_out_of_its_shard(breaks: Breaks) -> Sides:
    (kept,) = breaks.book.events.values()
    due = replace(kept, event=replace(kept.event, due_at=breaks.now))
    return breaks.stripe, replace(breaks.book, events={kept.event.event_id: due}), breaks.now


@pytest.mark.parametrize("what", BREAKS)
def test_a_rule_bites(played: tuple[Sides, dict[str, str]], what: str) -> None:
    sides, ids = played
    rule, breaks = BREAKS[what]

    assert rule in broken(breaks(Breaks(sides, ids)))


def test_every_rule_is_shown_to_bite() -> None:
    assert {rule for rule, _ in BREAKS.values()} == {rule.__name__ for rule in RULES}


# --- what is apart ----------------------------------------------------------------------------------------------------


def test_what_was_done_outside_and_is_not_told_yet_breaks_nothing(played: tuple[Sides, dict[str, str]]) -> None:
    sides, ids = played
    breaks = Breaks(sides, ids)
    outside = Returned(refund_id="re_dashboard", amount=100, status="succeeded", operation_id=None)
    late = breaks.intent("late")
    sent_back = replace(late, refunds=(outside,))
    taken = replace(breaks.intent("held"), status="succeeded", received=6000)

    for intent in (sent_back, taken):
        assert broken(breaks.with_intent(intent)) != set()
        assert broken(breaks.with_intent(replace(intent, untold=True))) == set()


def test_but_a_movement_of_ours_needs_its_line_whether_it_is_told_or_not(
    played: tuple[Sides, dict[str, str]],
) -> None:
    sides, ids = played
    breaks = Breaks(sides, ids)
    kept, intent = breaks.kept("refunded"), breaks.intent("refunded")
    lines = [line for line in kept.lines if (line["kind"], line["status"]) != ("capture", "succeeded")]
    stripe, _, _ = breaks.with_intent(replace(intent, untold=True))

    for forgotten in (
        breaks.with_kept(replace(kept, lines=lines)),
        breaks.without_line("refunded", "refund", "succeeded"),
    ):
        assert "no_movement_without_its_line" in broken((stripe, forgotten[1], forgotten[2]))


def test_a_renewal_may_wait_for_its_customer_beside_the_hold(played: tuple[Sides, dict[str, str]]) -> None:
    sides, ids = played
    breaks = Breaks(sides, ids)
    stripe, _, _ = breaks.another_intent("held", status="requires_action", was_held=False)
    renewal = _hold(breaks, "held", payment_intent_id="pi_another", state=HoldState.ACTION_REQUIRED)
    _, book, now = breaks.with_booking("held", renewal=renewal)

    assert "one_live_hold" not in broken((stripe, book, now))


def test_what_a_person_has_on_their_list_is_not_owed_in_silence(played: tuple[Sides, dict[str, str]]) -> None:
    sides, ids = played
    breaks = Breaks(sides, ids)
    owed = breaks.with_booking("late", outcome=Outcome.EVENT_CANCELLED, attention="refund_owed")

    assert "nothing_is_owed" not in broken(owed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_no_amount_anywhere_can_be_changed_unseen(played: tuple[Sides, dict[str, str]], data: st.DataObject) -> None:
    """One number of the money, on either side, made larger or smaller by anything."""
    sides, ids = played
    breaks = Breaks(sides, ids)
    name = data.draw(st.sampled_from(sorted(ids)))
    by = data.draw(st.integers(-6000, 6000).filter(bool))
    intent, kept = breaks.intent(name), breaks.kept(name)
    amounts = [line for line in kept.lines if line["amount"] is not None]
    changed = [
        breaks.with_intent(replace(intent, received=intent.received + by)),
        breaks.with_booking(name, captured=kept.booking.captured + by),
        breaks.with_booking(name, fee=kept.booking.fee + by),
        *(breaks.with_line(name, line["kind"], line["status"], amount=line["amount"] + by) for line in amounts),
    ]
    if kept.booking.refunds:
        (refund,) = kept.booking.refunds
        more = replace(refund, amount=refund.amount + by, status=RefundStatus.SUCCEEDED)
        changed.append(breaks.with_booking(name, refunds=(more,)))

    assert broken(data.draw(st.sampled_from(changed))) != set()
