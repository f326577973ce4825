"""How far a day has come: stretches that fit, nothing counted twice, and what became of each difference."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.differences import Difference, Drift
from holdfast.reconciliation import (
    DAY_SECONDS,
    MOST_NAMED,
    Run,
    State,
    begun,
    midnight,
    narrower,
    report,
    settled,
    stretch_done,
    unfinished,
    with_findings,
)
from holdfast.sums import Sum, Totals

DAY = date(2026, 11, 23)
NOW = midnight(DAY) + timedelta(hours=27)


def difference(number=1, drift=Drift.MISSED_CAPTURE, **changes) -> Difference:
    plain = {"drift": drift, "booking_id": f"bk_{number}", "object_id": f"pi_{number}", "currency": "eur"}
    return Difference(**(plain | changes))


def done(run: Run, **changes) -> Run:
    plain: dict[str, Any] = {"totals": {}, "objects": 0, "lines": 0, "most": 500, "now": NOW}
    return stretch_done(run, **(plain | changes))


def test_a_quiet_day_is_one_stretch():
    run = begun(DAY, NOW)
    assert (run.span.since, run.span.until) == (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))

    ended = done(run)

    assert ended.finished
    assert ended.finished_at == NOW


@given(st.integers(1, DAY_SECONDS), st.lists(st.booleans(), max_size=40), st.integers(0, 500))
def test_stretches_follow_each_other_without_a_gap_to_the_end_of_the_day(width, too_many, objects):
    run = replace(begun(DAY, NOW), width=width)
    reached = run.since
    crowded = iter(too_many)
    while not run.finished:
        if next(crowded, False):
            run = narrower(run)
            assert run.since == reached
            continue
        assert run.span.since == reached
        assert 1 <= run.span.seconds <= DAY_SECONDS
        reached = run.span.until
        run = done(run, objects=0)
    assert reached == midnight(DAY + timedelta(days=1))


def test_a_crowded_stretch_is_cut_in_half_and_begun_again():
    run = replace(begun(DAY, NOW), width=601, after="bk_9")

    assert narrower(run) == replace(run, width=300, after="")


def test_a_single_second_is_not_cut_any_more():
    assert narrower(replace(begun(DAY, NOW), width=1)).span.seconds == 1


def test_a_nearly_empty_stretch_lets_the_next_one_be_longer_and_a_full_one_does_not():
    run = replace(begun(DAY, NOW), width=600, after="bk_9")

    assert done(run, objects=124).width == 1200
    assert done(run, objects=125).width == 600
    assert done(run, lines=125).width == 600
    assert done(run, objects=125, most=503).width == 600
    assert done(run).after == ""


def test_sums_and_counts_add_up_over_stretches():
    run = replace(begun(DAY, NOW), width=DAY_SECONDS // 2)
    run = done(run, totals={"eur": Totals(captured=Sum(5, 5))}, objects=400, lines=3)
    run = done(run, totals={"eur": Totals(captured=Sum(7, 7)), "usd": Totals(fees=1)}, objects=1, lines=4)

    assert run.finished
    assert run.totals == {"eur": Totals(captured=Sum(12, 12)), "usd": Totals(fees=1)}
    assert (run.objects, run.lines) == (401, 7)


def test_a_difference_that_is_known_is_not_found_again():
    run = with_findings(begun(DAY, NOW), [difference(1), difference(1), difference(2)], NOW)
    again = with_findings(run, [difference(1), difference(3)], NOW + timedelta(hours=1))

    assert [each.difference.booking_id for each in again.findings] == ["bk_1", "bk_2", "bk_3"]
    assert again.findings[0].found_at == NOW


def test_what_became_of_a_difference_is_written_only_for_whoever_was_looked_at():
    run = with_findings(begun(DAY, NOW), [difference(1), difference(2), difference(3)], NOW)

    run = settled(run, {"bk_1", "bk_2"}, [difference(2)])

    assert [each.state for each in run.findings] == [State.ADOPTED, State.LEFT, State.FOUND]
    assert run.open_bookings == {"bk_3"}
    assert run.left == 1
    assert run.intents_of("bk_3") == {"pi_3"}


def test_only_payments_are_looked_at_again_and_no_refund_nor_what_has_no_object():
    found = [difference(1), difference(1, object_id="re_1"), difference(1, object_id=None), difference(2)]

    assert with_findings(begun(DAY, NOW), found, NOW).intents_of("bk_1") == {"pi_1"}


def test_what_is_left_stays_left_when_the_stretch_is_done_again():
    run = settled(with_findings(begun(DAY, NOW), [difference()], NOW), {"bk_1"}, [difference()])

    assert settled(run, {"bk_1"}, []).findings[0].state is State.LEFT


def test_a_report_names_only_so_many_and_counts_the_rest():
    many = [difference(number) for number in range(MOST_NAMED + 7)]

    run = with_findings(begun(DAY, NOW), many, NOW)

    assert len(run.findings) == MOST_NAMED
    assert run.by_drift == {"missed_capture": MOST_NAMED + 7}
    assert report(run)["unnamed"] == {"missed_capture": 7}

    again = with_findings(run, [difference(MOST_NAMED + 7)], NOW)
    assert report(again)["unnamed"] == {"missed_capture": 8}


def test_a_report_is_what_json_takes():
    found = with_findings(begun(DAY, NOW), [difference(book=1, stripe=2, detail="why")], NOW)
    run = settled(replace(found, looks=3, under_way=2), {"bk_1"}, [difference()])

    told = report(done(run, totals={"eur": Totals(captured=Sum(1, 2, 0, 1))}, objects=5, lines=4))

    assert told == {
        "day": "2026-11-23",
        "finished": True,
        "objects": 5,
        "lines": 4,
        "looks": 3,
        "under_way": 2,
        "differences": {"missed_capture": 1},
        "left": 1,
        "sums": {
            "eur": {
                "captured": {"log": 1, "stripe": 2, "log_elsewhere": 0, "stripe_elsewhere": 1},
                "refunded": {"log": 0, "stripe": 0, "log_elsewhere": 0, "stripe_elsewhere": 0},
                "disputed": 0,
                "fees": 0,
            }
        },
        "findings": [
            {
                "kind": "missed_capture",
                "booking_id": "bk_1",
                "stripe_id": "pi_1",
                "currency": "eur",
                "book": 1,
                "stripe": 2,
                "detail": "why",
                "state": "left",
                "found_at": "2026-11-24T03:00:00Z",
            }
        ],
        "unnamed": {},
    }


@pytest.mark.parametrize(
    ("finished", "expected"),
    [
        (set(), ["2026-11-20", "2026-11-21", "2026-11-22"]),
        ({date(2026, 11, 21)}, ["2026-11-20", "2026-11-22"]),
        ({date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)}, []),
    ],
)
def test_the_days_that_are_left_come_oldest_first_and_today_is_not_over(finished, expected):
    assert [each.isoformat() for each in unfinished(DAY, 3, finished)] == expected
