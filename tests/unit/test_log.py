"""The log: numbered, chained, and every change of what was written is named."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from holdfast.booking import HoldState, Kind, TransitionRefused
from holdfast.log import FIRST_HASH, Entry, Fault, Line, Origin, append, canonical, entry_hash, verify, wire_time
from tests.unit.builders import BOOKED, MINUTE, booking, captured, ended, held, under_way

NOTES = ["café", "日本", "line\nbreak", 'quo"te', "\U0001f3ab", ""]


def written(count: int = 4) -> tuple[list[Line], str]:
    """A log of so many lines, and its head."""
    of, lines = append(
        None, under_way(Kind.AUTHORIZE), [Entry(kind="authorize", status="started", actor="customer")], now=BOOKED
    )
    while len(lines) < count:
        note = Entry(
            kind="note",
            status="succeeded",
            actor="staff",
            amount=len(lines) * 100,
            reason=NOTES[len(lines) % len(NOTES)],
            details={"n": len(lines), "nested": {"b": [1, None, True], "a": "x"}},
        )
        of, more = append(of, of, [note], now=BOOKED + len(lines) * MINUTE)
        lines += more
    return lines, of.chain_head


LINES, HEAD = written()


def faults(lines: list[Line]) -> list[Fault]:
    return verify(lines, expected_length=len(LINES), expected_head=HEAD)


# --- appending --------------------------------------------------------------------------------------------------------


def test_the_first_line_follows_64_zeros_and_has_number_one():
    assert LINES[0]["sequence"] == 1
    assert LINES[0]["previous_hash"] == FIRST_HASH == "0" * 64


def test_each_line_carries_the_hash_of_the_one_before():
    for before, after in itertools.pairwise(LINES):
        assert after["sequence"] == before["sequence"] + 1
        assert after["previous_hash"] == before["entry_hash"]


def test_the_hash_is_that_of_the_contract():
    line = {name: value for name, value in LINES[-1].items() if name != "entry_hash"}
    text = json.dumps(line, sort_keys=True, separators=(",", ":"))

    assert LINES[-1]["entry_hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_line_has_exactly_the_fields_of_the_contract():
    assert set(LINES[0]) == {
        "sequence",
        "operation_id",
        "kind",
        "status",
        "amount",
        "currency",
        "actor",
        "reason",
        "stripe_id",
        "details",
        "created_at",
        "previous_hash",
        "entry_hash",
    }


def test_a_line_says_between_which_statuses_the_booking_moved_and_who_asked():
    origin = Origin(request_id="request-1", staff="sam")
    entries = [Entry(kind="capture", status="started", actor="staff", details={"clause": "completed"})]

    _, (line,) = append(held(), under_way(Kind.CAPTURE), entries, now=BOOKED, origin=origin)

    assert line["details"].pop("staff")
    assert line["details"] == {
        "clause": "completed",
        "before": "held",
        "after": "capturing",
        "outcome": "open",
        "request_id": "request-1",
    }


def test_a_new_booking_comes_from_nowhere():
    assert LINES[0]["details"] == {"before": None, "after": "authorizing", "outcome": "open"}


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_every_append_advances_version_and_time_and_as_many_numbers_as_lines(count):
    before = held(version=7, sequence=9, chain_head="a" * 64)
    entries = [Entry(kind="note", status="succeeded", actor="staff")] * count

    after, lines = append(before, before, entries, now=BOOKED + MINUTE)

    assert (after.version, after.sequence, after.updated_at) == (8, 9 + count, BOOKED + MINUTE)
    assert [line["sequence"] for line in lines] == list(range(10, 10 + count))
    assert after.chain_head == (lines[-1]["entry_hash"] if lines else "a" * 64)


def test_a_move_that_the_table_does_not_know_is_not_written():
    with pytest.raises(TransitionRefused):
        append(ended(HoldState.RELEASED), captured(), [], now=BOOKED)


def test_the_first_line_needs_no_status_before_it():
    after, _ = append(None, booking(), [], now=BOOKED)

    assert after.version == 1


# --- canonical --------------------------------------------------------------------------------------------------------


def test_canonical_json_is_sorted_tight_and_ascii():
    assert canonical({"b": 1, "a": {"d": None, "c": ["é", True]}}) == '{"a":{"c":["\\u00e9",true],"d":null},"b":1}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_has_no_canonical_form(number):
    with pytest.raises(ValueError, match="JSON"):
        canonical(number)


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5),
        max_size=6,
    )
)
def test_the_hash_does_not_depend_on_the_order_of_the_fields_nor_on_a_journey_as_json(line):
    shuffled = dict(reversed(list(line.items())))
    travelled = json.loads(json.dumps(line))

    assert entry_hash(line) == entry_hash(shuffled) == entry_hash(travelled)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (BOOKED, "2026-11-20T20:00:00Z"),
        (BOOKED.replace(microsecond=999_999), "2026-11-20T20:00:00Z"),
        (datetime(2026, 11, 21, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-11-20T20:00:00Z"),
    ],
)
def test_times_on_the_wire_are_utc_to_the_second(moment, text):
    assert wire_time(moment) == text


def test_times_on_the_wire_are_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert wire_time(BOOKED) == "2026-11-20T20:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


# --- verifying --------------------------------------------------------------------------------------------------------


def test_what_was_written_verifies():
    assert faults(LINES) == []
    assert verify([], expected_length=0, expected_head=FIRST_HASH) == []


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(LINES) - 1), st.data())
def test_any_changed_character_of_any_line_is_named(number, data):
    text = canonical(LINES[number])
    at = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
    try:
        altered = json.loads(text[:at] + instead + text[at + 1 :])
    except ValueError:
        assume(False)
    assume(altered != LINES[number] or canonical(altered) != text)

    named = faults([*LINES[:number], altered, *LINES[number + 1 :]])

    assert named
    assert LINES[number]["sequence"] in {fault.sequence for fault in named}


@pytest.mark.parametrize("number", range(len(LINES)))
@pytest.mark.parametrize("name", list(LINES[0]))
def test_a_field_that_is_gone_or_another_is_named(number, name):
    without = {key: value for key, value in LINES[number].items() if key != name}
    other = LINES[number] | {name: "something else"}

    for altered in (without, other):
        assert faults([*LINES[:number], altered, *LINES[number + 1 :]])


@pytest.mark.parametrize("number", range(len(LINES)))
def test_an_altered_line_with_its_hash_made_anew_still_breaks_the_chain(number):
    altered = LINES[number] | {"amount": 1}
    altered["entry_hash"] = entry_hash(altered)

    assert faults([*LINES[:number], altered, *LINES[number + 1 :]])


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_dropped_line_is_named(number):
    assert faults(LINES[:number] + LINES[number + 1 :])


def test_each_fault_says_where_it_is_and_what():
    assert faults([LINES[0], *LINES[2:]]) == [
        Fault(2, "expected sequence 2, found 3"),
        Fault(3, "previous_hash is not the hash of the line before"),
    ]
    assert faults([*LINES[:-1], LINES[-1] | {"amount": 1}]) == [
        Fault(4, "the line was altered: entry_hash does not match")
    ]
    assert faults(LINES[:-1]) == [
        Fault(4, "the booking says 4 lines, the log has 3"),
        Fault(3, "the last line is not the one that the booking points at"),
    ]


@pytest.mark.parametrize("length", range(len(LINES)))
def test_a_log_that_was_cut_off_is_named(length):
    assert faults(LINES[:length])
    assert faults(LINES[length + 1 :])


@pytest.mark.parametrize("one", range(len(LINES)))
@pytest.mark.parametrize("other", range(len(LINES)))
def test_swapped_lines_are_named(one, other):
    swapped = list(LINES)
    swapped[one], swapped[other] = swapped[other], swapped[one]

    assert bool(faults(swapped)) is (one != other)


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_line_that_stands_twice_is_named(number):
    assert faults([*LINES[: number + 1], *LINES[number:]])


def test_a_line_that_the_booking_does_not_know_is_named():
    longer, _ = written(len(LINES) + 1)

    assert faults(longer)


@pytest.mark.parametrize("length", [0, len(LINES) - 1, len(LINES) + 1])
def test_a_booking_that_counts_other_than_its_log_is_named(length):
    assert verify(LINES, expected_length=length, expected_head=HEAD)


def test_another_bookings_whole_log_is_named():
    stranger, head = written(len(LINES))
    other = [dict(line) for line in stranger]
    other[-1]["reason"] = "another"
    other[-1]["entry_hash"] = entry_hash(other[-1])

    assert head == HEAD
    assert [fault.sequence for fault in verify(other, expected_length=len(LINES), expected_head=HEAD)] == [len(LINES)]
