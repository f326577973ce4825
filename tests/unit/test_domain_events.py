"""Which line of the log is which domain event, and what of the line goes out."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from samtranslator.yaml_helper import yaml_parse

from holdfast import domain_event_types
from holdfast.booking import Kind, RefundStatus
from holdfast.domain_event_types import KINDS, EventType, Unmapped, event_type
from holdfast.domain_events import DATA, domain_event
from holdfast.log import Entry, Logged, append
from tests.unit.builders import BOOKED, captured, held

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "holdfast" / "holdfast"
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "domain-events.v1.schema.json").read_text())
STATUSES = ("started", "succeeded", "failed", "pending", "canceled", "edited")
OPERATIONS = ("schedule", "authorize", "renew", "capture", "release", "refund")
DISPUTES = (
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented",
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
)
STEPS = ("opened", "escalated", "answered", "updated", "closed", "deadline_near", "funds_withdrawn", "funds_reinstated")
# Deliberately no event, each with its reason.
SILENT: dict[tuple[str, str, str | None], str] = {
    **{(kind, "started", None): "it is about to be tried; what comes of it is an event" for kind in OPERATIONS},
    **{(kind, "started", None): "as for money" for kind in ("evidence", "dispute_accept")},
    ("attention", "succeeded", None): "staff tell staff that they have seen to something",
    ("external", "succeeded", "unused_authorization"): "it is let go next, and that is an event",
}
# What other kinds can be: a fact is one, a deadline is set or missed, an answer to a dispute is taken or not.
WRITTEN = {
    "mend": {"pending", "failed"},
    "evidence": {"edited", "started", "succeeded", "failed"},
    "dispute_accept": {"started", "succeeded", "failed"},
    "external": {"succeeded", "pending", "failed", "canceled"},
    # These are proved or not, and Stripe cancels neither.
    "capture": {"started", "succeeded", "failed"},
    "release": {"started", "succeeded", "failed"},
}
FACTS = KINDS - {*OPERATIONS, *WRITTEN, "dispute"}
REASONS = {
    "external": (
        "captured",
        "refunded",
        "hold_released",
        "hold_expired",
        "capture_before_changed",
        "unused_authorization",
        "unused_authorization_captured",
        "something_new",
    ),
    "release": (None, "cancelled_in_time", "superseded"),
    "reminder": ("hold_coming", "free_cancellation_ending"),
    "mend": ("new_payment_method", "authentication", "kept_without_hold"),
}


def line(kind: str, status: str, reason: str | None = None, *, details: Any = None, **changes: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"actor": "clock", "amount": 5000, "operation_id": "op_1", "stripe_id": "pi_1"} | changes
    entry = Entry(kind=kind, status=status, reason=reason, details=details or {}, **said)
    _, (written,) = append(held(sequence=6), captured(sequence=6), [entry], now=BOOKED)
    return written


def event(written: dict[str, Any], *, replayed: bool = False) -> dict[str, Any]:
    made = domain_event(
        Logged("bk_1", "yoga", written), user_id="did:privy:alice", deployment="holdfast", replayed=replayed
    )
    assert made is not None
    return made


def every_line() -> Iterator[tuple[str, str, str | None]]:
    """Every kind with every status, and every reason that tells lines apart."""
    for kind in sorted(KINDS):
        for status in (*STATUSES, *(DISPUTES if kind == "dispute" else ())):
            for reason in REASONS.get(kind, (None,)):
                yield kind, status, reason


# --- the table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "status", "reason"), list(every_line()))
def test_every_line_is_an_event_or_deliberately_none_or_never_written(kind, status, reason):
    written = line(kind, status, reason)
    if kind != "dispute" and status not in _written(kind):
        with pytest.raises(Unmapped):
            event_type(written)
        return

    is_silent = (kind, status, None) in SILENT or (kind, status, reason) in SILENT
    assert (event_type(written) is None) == is_silent


def _written(kind: str) -> set[str]:
    if kind in FACTS:
        return {"succeeded"}
    return WRITTEN.get(kind, set(STATUSES) - {"edited"})


def test_every_type_is_some_line():
    found = set()
    for kind, status, reason in every_line():
        for step in (None, *STEPS):
            with suppress(Unmapped):
                found.add(event_type(line(kind, status, reason, details={"step": step})))

    assert found == {None, *EventType}


@pytest.mark.parametrize(
    ("kind", "status", "reason", "wanted"),
    [
        ("authorize", "succeeded", "booked", "hold.placed"),
        ("authorize", "succeeded", "authenticated", "hold.placed"),
        ("authorize", "pending", "requires_action", "hold.action_required"),
        ("authorize", "failed", "insufficient_funds", "hold.declined"),
        ("authorize", "canceled", "abandoned", "hold.declined"),
        ("schedule", "succeeded", None, "hold.scheduled"),
        ("renew", "succeeded", None, "hold.renewed"),
        ("renew", "failed", "do_not_honor", "hold.renewal_failed"),
        ("capture", "succeeded", "no_show", "payment.captured"),
        ("capture", "failed", "charge_expired_for_capture", "payment.capture_failed"),
        ("release", "succeeded", "cancelled_in_time", "hold.released"),
        ("release", "succeeded", "superseded", "hold.superseded"),
        ("refund", "pending", None, "refund.pending"),
        ("refund", "succeeded", "refund_updated", "refund.succeeded"),
        ("refund", "failed", None, "refund.failed"),
        ("refund", "canceled", None, "refund.canceled"),
        ("external", "succeeded", "captured", "payment.captured"),
        ("external", "succeeded", "refunded", "refund.succeeded"),
        ("external", "pending", "refunded", "refund.pending"),
        ("external", "failed", "lost_or_stolen_card", "refund.failed"),
        ("external", "succeeded", "hold_expired", "hold.expired"),
        ("external", "succeeded", "hold_released", "hold.released"),
        ("external", "succeeded", "something_new", "payment.changed_outside"),
        ("dispute", "needs_response", "fraudulent", "dispute.opened"),
        ("dispute", "warning_needs_response", "fraudulent", "dispute.inquiry_opened"),
        ("dispute", "won", "fraudulent", "dispute.won"),
        ("dispute", "lost", "fraudulent", "dispute.lost"),
        ("dispute", "charge_refunded", "fraudulent", "dispute.updated"),
        ("evidence", "edited", None, "dispute.evidence_edited"),
        ("evidence", "succeeded", None, "dispute.evidence_submitted"),
        ("evidence", "failed", "charge_disputed", "dispute.evidence_failed"),
        ("dispute_accept", "succeeded", None, "dispute.accepted"),
        ("mend", "pending", "new_payment_method", "booking.mend_required"),
        ("mend", "failed", "kept_without_hold", "booking.mend_deadline_passed"),
        ("contest", "succeeded", "I was there", "no_show.contested"),
        ("no_show", "succeeded", "nobody saw her", "no_show.upheld"),
        ("no_show_notice", "succeeded", None, "no_show.noticed"),
        ("reminder", "succeeded", "hold_coming", "reminder.hold_coming"),
        ("reminder", "succeeded", "free_cancellation_ending", "reminder.free_cancellation_ending"),
    ],
)
def test_a_line_is_the_event_that_people_expect(kind, status, reason, wanted):
    assert event_type(line(kind, status, reason)) == wanted


@pytest.mark.parametrize(
    ("step", "status", "wanted"),
    [
        ("opened", "needs_response", "dispute.opened"),
        ("opened", "warning_needs_response", "dispute.inquiry_opened"),
        ("escalated", "needs_response", "dispute.escalated"),
        ("answered", "under_review", "dispute.under_review"),
        ("answered", "warning_under_review", "dispute.inquiry_under_review"),
        ("updated", "needs_response", "dispute.updated"),
        ("deadline_near", "needs_response", "dispute.deadline_near"),
        ("closed", "won", "dispute.won"),
        ("closed", "lost", "dispute.lost"),
        ("closed", "warning_closed", "dispute.inquiry_closed"),
        ("closed", "charge_refunded", "dispute.closed"),
        ("funds_withdrawn", "funds_withdrawn", "dispute.funds_withdrawn"),
        ("funds_reinstated", "funds_reinstated", "dispute.funds_reinstated"),
    ],
)
def test_each_step_of_a_dispute_is_an_event_of_its_own(step, status, wanted):
    assert event_type(line("dispute", status, "fraudulent", details={"step": step})) == wanted


@pytest.mark.parametrize(("kind", "status", "reason"), [("sing", "succeeded", None), ("reminder", "succeeded", "tea")])
def test_a_line_that_nobody_thought_of_is_a_fault_and_no_silence(kind, status, reason):
    with pytest.raises(Unmapped):
        event_type(line(kind, status, reason))


def _calls(name: str) -> Iterator[ast.Call]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def _constants(node: ast.AST) -> Iterator[str]:
    yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_every_kind_that_the_code_writes_is_known():
    kinds = {str(kind) for kind in Kind}
    for call in _calls("Entry"):
        for keyword in call.keywords:
            if keyword.arg == "kind":
                kinds |= set(_constants(keyword.value))

    assert {"check_in", "external", "dispute", "close"} <= kinds
    assert kinds <= KINDS


def test_every_change_outside_that_the_code_writes_is_told_by_name():
    reasons = {next(_constants(call.args[0])) for call in _calls("_outside")}
    rows = domain_event_types._OUTSIDE["external", "succeeded"]

    assert "hold_expired" in reasons
    assert isinstance(rows, Mapping)
    assert reasons <= set(rows)


def test_every_status_of_a_refund_is_told():
    for status in RefundStatus:
        for kind in ("refund", "external"):
            assert event_type(line(kind, str(status), "refunded")) == f"refund.{status}"


# --- what goes out -------------------------------------------------------------------------------------------------


def test_an_event_says_what_the_line_says():
    written = line("capture", "succeeded", "no_show", operation_id="op_9", stripe_id="pi_9")

    assert event(written) == {
        "id": "bk_1:7",
        "type": "payment.captured",
        "schema_version": 1,
        "deployment": "holdfast",
        "occurred_at": "2026-11-20T20:00:00Z",
        "replayed": False,
        "booking_id": "bk_1",
        "sequence": 7,
        "event_id": "yoga",
        "user_id": "did:privy:alice",
        "operation_id": "op_9",
        "actor": "clock",
        "reason": "no_show",
        "amount": {"amount": 5000, "currency": "eur"},
        "stripe_id": "pi_9",
        "payment_status": "captured",
        "previous_payment_status": "held",
        "outcome": "completed",
        "data": {},
    }


def test_the_same_line_is_the_same_event_also_when_it_is_replayed():
    written = line("authorize", "succeeded", "booked")

    assert event(written) == event(copy.deepcopy(written))
    assert event(written, replayed=True) == event(written) | {"replayed": True}


def test_where_no_money_is_meant_none_is_said():
    assert event(line("check_in", "succeeded", amount=None))["amount"] is None
    assert event(line("release", "succeeded", amount=0))["amount"] == {"amount": 0, "currency": "eur"}


@pytest.mark.parametrize(
    ("kind", "status", "reason", "details", "data"),
    [
        ("authorize", "succeeded", "booked", {"expires_at": "2026-11-27T20:00:00Z", "charge_id": "ch_1"},
         {"expires_at": "2026-11-27T20:00:00Z"}),
        ("authorize", "pending", "requires_action", {"deadline": "2026-11-20T20:30:00Z"},
         {"operation": "authorize", "next_action": "confirm_payment", "deadline": "2026-11-20T20:30:00Z"}),
        ("schedule", "pending", "requires_action", {},
         {"operation": "schedule", "next_action": "confirm_setup", "deadline": None}),
        ("authorize", "failed", "insufficient_funds",
         {"code": "card_declined", "decline_code": "insufficient_funds", "will_retry_at": "2026-11-20T21:00:00Z"},
         {"operation": "authorize", "decline_code": "insufficient_funds", "will_retry_at": "2026-11-20T21:00:00Z",
          "next_action": None, "deadline": None}),
        ("authorize", "failed", "generic_decline",
         {"code": "card_declined", "decline_code": "generic_decline", "deadline": "2026-11-22T20:00:00Z",
          "next_action": "new_payment_method"},
         {"operation": "authorize", "decline_code": "generic_decline", "will_retry_at": None,
          "next_action": "new_payment_method", "deadline": "2026-11-22T20:00:00Z"}),
        ("refund", "failed", "lost_or_stolen_card", {"failure_reason": "lost_or_stolen_card"},
         {"failure_code": "lost_or_stolen_card"}),
        ("refund", "failed", "charge_disputed", {"message": "This charge was disputed."},
         {"failure_code": "charge_disputed"}),
        ("refund", "canceled", "requested_by_customer", {"failure_reason": None}, {"failure_code": None}),
        ("refund", "pending", "requested_by_customer", {"pending_reason": "insufficient_funds"},
         {"pending_reason": "insufficient_funds"}),
        ("dispute", "funds_withdrawn", "fraudulent",
         {"step": "funds_withdrawn", "amount": 5400, "currency": "usd", "fee": 1500},
         {"balance": {"amount": 5400, "currency": "usd"}, "fee": 1500}),
        ("schedule", "succeeded", "booked", {"hold_at": "2026-11-20T20:00:00Z", "payment_method_id": "pm_1"},
         {"place_at": "2026-11-20T20:00:00Z"}),
        ("reminder", "succeeded", "hold_coming", {"about": "2026-11-20T20:00:00Z"},
         {"place_at": "2026-11-20T20:00:00Z"}),
        ("reminder", "succeeded", "free_cancellation_ending", {"about": "2026-11-22T20:00:00Z"},
         {"until": "2026-11-22T20:00:00Z"}),
        ("reprice", "succeeded", None, {"from": 4000, "to": 5000, "consent": "mail of 2026-11-20, yes please"},
         {"previous_amount": 4000}),
        ("dispute", "needs_response", "fraudulent", {"due_by": "2026-12-01T00:00:00Z"},
         {"status": "needs_response", "due_by": "2026-12-01T00:00:00Z", "disputed": None}),
        ("dispute", "lost", "fraudulent",
         {"step": "closed", "due_by": None, "disputed": {"amount": 5400, "currency": "usd"}},
         {"status": "lost", "due_by": None, "disputed": {"amount": 5400, "currency": "usd"}}),
        ("cancel_request", "succeeded", None, {"charges_fee": True}, {"charges_fee": True}),
        ("event_moved", "succeeded", None,
         {"from": ["2026-11-23T20:00:00Z", "2026-11-23T22:00:00Z"],
          "to": ["2026-11-24T20:00:00Z", "2026-11-24T22:00:00Z"]},
         {"from": {"starts_at": "2026-11-23T20:00:00Z", "ends_at": "2026-11-23T22:00:00Z"},
          "to": {"starts_at": "2026-11-24T20:00:00Z", "ends_at": "2026-11-24T22:00:00Z"}}),
        ("moved", "succeeded", None,
         {"from": {"event_id": "yoga", "starts_at": "2026-11-23T20:00:00Z"},
          "to": {"event_id": "yoga-2", "starts_at": "2026-11-30T20:00:00Z"}, "fresh_window": False},
         {"from": {"event_id": "yoga", "starts_at": "2026-11-23T20:00:00Z"},
          "to": {"event_id": "yoga-2", "starts_at": "2026-11-30T20:00:00Z"}, "fresh_window": False}),
        ("no_show_notice", "succeeded", None, {"charge_at": "2026-11-24T20:30:00Z"},
         {"charge_at": "2026-11-24T20:30:00Z"}),
        ("mend", "pending", "new_payment_method", {"deadline": "2026-11-22T20:00:00Z"},
         {"next_action": "new_payment_method", "deadline": "2026-11-22T20:00:00Z"}),
    ],
)  # fmt: skip
def test_what_only_this_type_has_comes_from_the_lines_details(kind, status, reason, details, data):
    assert event(line(kind, status, reason, details=details))["data"] == data


def test_a_refund_that_stripe_reports_as_failed_says_why():
    told = event(line("refund", "failed", "insufficient_funds", actor="stripe"))

    assert told["data"] == {"failure_code": "insufficient_funds"}
    assert event(line("refund", "failed", "refund_updated", actor="stripe"))["data"] == {"failure_code": None}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("refund", "succeeded"),
        ("refund", "failed"),
        *((each, "succeeded") for each in "waive contest no_show reprice moved".split()),
    ],
)
@pytest.mark.parametrize("words", ["ill", "She was ill; her sister called.", "alice_has_cancer"])
def test_what_people_write_stays_in_the_log_even_if_it_looks_like_a_code(kind, status, words):
    told = event(line(kind, status, words, actor="staff"))

    assert told["reason"] is None
    assert words not in json.dumps(told)


@pytest.mark.parametrize("reason", ["duplicate", "fraudulent", "requested_by_customer", "event_cancelled"])
def test_a_refunds_reason_goes_out_where_it_is_one_of_the_known_ones(reason):
    assert event(line("refund", "succeeded", reason))["reason"] == reason


SECRET = st.text(min_size=12).filter(lambda text: not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", text))
NAMES = st.sampled_from(
    """
    message client_secret request_id staff policy_text policy expires_at deadline decline_code code failure_reason
    due_by charge_at next_action from to place_at until charges_fee will_retry_at mend_by price card last4
    """.split()
)


@given(st.sampled_from(list(every_line())), st.dictionaries(NAMES, SECRET), SECRET)
def test_no_text_gets_out_by_any_field(which, details, reason):
    kind, status, _ = which
    written = line(kind, status, reason, details=details)
    try:
        made = domain_event(Logged("bk_1", "yoga", written), user_id=None, deployment="holdfast")
    except Unmapped:
        return
    if made is not None:
        assert not {reason, *details.values()} & set(_strings(made))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)


# --- the documents -------------------------------------------------------------------------------------------------


def strict(node: Any) -> Any:
    """As we hold ourselves to it: consumers ignore what they do not know, we say nothing that is not in the schema."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {name: strict(each) for name, each in node.items()}
    if "properties" in closed and "required" in closed:
        closed["additionalProperties"] = False
    return closed


VALIDATOR = Draft202012Validator(strict(SCHEMA))
TYPES = [name for name in SCHEMA["$defs"] if "." in name]


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_describes_every_type_and_no_other():
    chosen = [(each["if"]["properties"]["type"]["const"], each["then"]["$ref"]) for each in SCHEMA["allOf"]]

    assert [str(each) for each in EventType] == TYPES
    assert chosen == [(name, f"#/$defs/{name}") for name in TYPES]


@pytest.mark.parametrize("name", TYPES)
def test_a_types_data_is_what_the_schema_says(name):
    described = SCHEMA["$defs"][name].get("properties", {}).get("data", {"required": [], "properties": {}})

    assert described["required"] == list(described["properties"]) == list(DATA.get(EventType(name), {}))


@pytest.mark.parametrize(("kind", "status", "reason"), list(every_line()))
@pytest.mark.parametrize(
    "details",
    [
        {},
        {
            "expires_at": "2026-11-27T20:00:00Z",
            "deadline": "2026-11-27T20:00:00Z",
            "decline_code": "generic_decline",
            "from": ["2026-11-23T20:00:00Z", "2026-11-23T22:00:00Z"],
            "to": ["2026-11-24T20:00:00Z", "2026-11-24T22:00:00Z"],
            "charges_fee": True,
        },
        {"expires_at": 5, "deadline": ["now"], "decline_code": {"a": 1}, "from": "x", "to": [1, 2], "charges_fee": "y"},
    ],
    ids=["nothing", "as it should be", "as it should not be"],
)
def test_whatever_a_line_says_the_event_is_a_valid_one(kind, status, reason, details):
    try:
        made = domain_event(
            Logged("bk_1", "yoga", line(kind, status, reason, details=details)), user_id=None, deployment="holdfast"
        )
    except Unmapped:
        return
    if made is not None:
        VALIDATOR.validate(made)


def _blocks(language: str) -> list[str]:
    page = (ROOT / "docs" / "domain-events.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_the_event_that_the_page_shows_is_a_valid_one():
    [shown] = _blocks("json")

    VALIDATOR.validate(json.loads(shown))


def test_the_rule_that_the_page_shows_keeps_what_its_target_does_not_take_and_names_types_that_exist():
    [template] = _blocks("yaml")
    resources = yaml_parse(template)["Resources"]
    rule = resources["TellTheCustomer"]["Properties"]
    named = rule["EventPattern"]["detail-type"]

    assert rule["EventPattern"]["detail"] == {"schema_version": [1]}
    assert rule["Targets"][0]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["NotificationsDeadLetters", "Arn"]}}
    assert {each for each in named if isinstance(each, str)} < set(TYPES)
    for each in named:
        if not isinstance(each, str):
            assert any(name.startswith(each["prefix"]) for name in TYPES)


def test_the_page_lists_every_type_with_its_fields():
    page = (ROOT / "docs" / "domain-events.md").read_text()
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| .* \| (.*?) ?\|$", page, re.MULTILINE)

    assert [name for name, _ in rows] == TYPES
    for name, fields in rows:
        assert re.findall(r"`(\w+)`", fields) == list(DATA.get(EventType(name), {})), name
