"""Which counters a line of the log moves."""

from __future__ import annotations

import pytest

from holdfast.booking import Kind
from holdfast.log import Entry, append
from holdfast.measures import Count, count
from tests.unit.builders import BOOKED, captured, under_way


def line(kind, status, *, amount=5000, reason="why"):
    entry = Entry(kind=kind, status=status, actor="staff", amount=amount, reason=reason)
    _, (written,) = append(None, captured(), [entry], now=BOOKED)
    return written


@pytest.mark.parametrize(
    ("kind", "status", "name", "reason"),
    [
        ("authorize", "succeeded", "HoldsPlaced", None),
        ("authorize", "failed", "HoldsDeclined", "why"),
        ("capture", "succeeded", "Captures", "why"),
        ("capture", "failed", "CapturesRefused", None),
        ("release", "succeeded", "Releases", None),
        ("refund", "succeeded", "Refunds", None),
        ("refund", "pending", "RefundsPending", None),
        ("refund", "failed", "RefundsFailed", None),
        ("external", "succeeded", "OutsideChanges", "why"),
        ("refund", "canceled", "RefundsCanceled", None),
        ("dispute", "needs_response", "Disputes", None),
        ("evidence", "succeeded", "EvidenceSubmitted", None),
        ("evidence", "failed", "EvidenceRefused", None),
        ("dispute_accept", "succeeded", "DisputesAccepted", None),
    ],
)
def test_a_line_counts_once_with_its_amount(kind, status, name, reason):
    assert count(line(kind, status)) == Count(name, "eur", 5000, reason)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *[(str(kind), "started") for kind in Kind],
        ("authorize", "pending"),
        ("authorize", "canceled"),
        ("check_in", "succeeded"),
        ("waive", "succeeded"),
        ("cancel_request", "succeeded"),
        ("close", "succeeded"),
        ("event_moved", "succeeded"),
        ("event_cancelled", "succeeded"),
    ],
)
def test_beginnings_and_facts_count_nothing(kind, status):
    assert count(line(kind, status)) is None


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("opened", "Disputes"),
        ("closed", "Disputes"),
        ("funds_withdrawn", "DisputeFundsWithdrawn"),
        ("funds_reinstated", "DisputeFundsReinstated"),
        ("deadline_near", "DisputeDeadlinesNear"),
    ],
)
def test_money_that_a_dispute_moves_is_counted_apart_from_its_states(step, name):
    written = line("dispute", "needs_response") | {"details": {"step": step}}

    assert count(written) == Count(name, "eur", 5000)


def test_where_no_money_is_meant_the_amount_is_nothing():
    assert count(line("external", "succeeded", amount=None)) == Count("OutsideChanges", "eur", 0, "why")


def test_an_operation_counts_once_though_it_has_two_lines():
    entries = [Entry(kind="capture", status=status, actor="staff", amount=1) for status in ("started", "succeeded")]
    _, lines = append(None, under_way(Kind.CAPTURE), entries, now=BOOKED)

    assert [counted.name for counted in map(count, lines) if counted] == ["Captures"]
