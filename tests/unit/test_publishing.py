"""How events get on the bus: in order, in as few calls as the limits allow, again where one was refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bus import MOST_BYTES, MOST_ENTRIES, PAUSES, Bus, NotPublished, calls, entry_size
from holdfast.log import Entry, Logged, append
from holdfast.publishing import DeadLetters, Publisher, serve
from holdfast.store.items import marshal
from holdfast.store.log import line_item
from tests.unit.builders import BOOKED, held


@dataclass
class EventBridge:
    """What AWS documents of PutEvents. `refuse` says of every entry, and the number of the call, why it is refused."""

    refuse: Callable[[dict[str, Any], int], str | None] = lambda event, call: None
    asked: list[list[str]] = field(default_factory=list)
    arrived: list[dict[str, Any]] = field(default_factory=list)
    buses: set[str] = field(default_factory=set)

    def put_events(self, *, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's word
        assert 1 <= len(Entries) <= 10
        assert sum(len((each["Source"] + each["DetailType"] + each["Detail"]).encode()) for each in Entries) <= 262_144
        details = [json.loads(each["Detail"]) for each in Entries]
        self.asked.append([each["id"] for each in details])
        self.buses |= {each["EventBusName"] for each in Entries}
        answers = []
        for entry, detail in zip(Entries, details, strict=True):
            assert entry["DetailType"] == detail["type"]
            code = self.refuse(detail, len(self.asked))
            if code is None:
                self.arrived.append(detail)
            answers.append({"EventId": "e"} if code is None else {"ErrorCode": code, "ErrorMessage": "no"})
        return {"FailedEntryCount": sum("ErrorCode" in each for each in answers), "Entries": answers}

    def order(self) -> list[str]:
        return [each["id"] for each in self.arrived]


def bus(client: EventBridge, slept: list[float] | None = None) -> Bus:
    return Bus(client, "bus", sleep=(slept if slept is not None else []).append)  # type: ignore[arg-type]


def an_event(booking: str, sequence: int = 1, *, padding: int = 0) -> dict[str, Any]:
    return {"id": f"{booking}:{sequence}", "type": "hold.placed", "booking_id": booking, "padding": "x" * padding}


EVENTS = st.lists(
    st.builds(
        an_event,
        st.sampled_from([f"bk_{number}" for number in range(15)]),
        st.integers(1, 99),
        padding=st.sampled_from([0, 0, 60_000, 200_000]),
    ),
    max_size=40,
)


@given(EVENTS)
def test_calls_keep_the_order_and_every_limit(events):
    pieces = list(calls(events))

    assert [each for piece in pieces for each in piece] == events
    for piece in pieces:
        assert 1 <= len(piece) <= MOST_ENTRIES
        assert sum(map(entry_size, piece)) <= MOST_BYTES
        assert len({each["booking_id"] for each in piece}) == len(piece)


def test_a_call_is_as_full_as_it_may_be():
    assert [len(piece) for piece in calls([an_event(f"bk_{number}") for number in range(25)])] == [10, 10, 5]


def test_an_entry_is_as_large_as_aws_counts_it():
    """AWS: the UTF-8 of source, detail type and detail; 14 more if there is a time, which there is not."""
    event = an_event("bk_ü")
    detail = json.dumps(event, separators=(",", ":"), ensure_ascii=False)

    assert entry_size(event) == len("holdfast") + len("hold.placed") + len(detail.encode("utf-8"))


def test_only_what_was_refused_is_sent_again():
    client = EventBridge(lambda event, call: "ThrottlingException" if event["id"] == "b:1" and call == 1 else None)
    slept: list[float] = []

    bus(client, slept).publish([an_event("a"), an_event("b"), an_event("c"), an_event("b", 2)])

    assert client.asked == [["a:1", "b:1", "c:1"], ["b:1"], ["b:2"]]
    assert client.buses == {"bus"}
    assert len(slept) == 1


def test_what_is_refused_for_good_stops_everything_behind_it():
    client = EventBridge(lambda event, call: "InternalFailure" if event["id"] == "b:1" else None)
    slept: list[float] = []

    with pytest.raises(NotPublished, match="InternalFailure") as stopped:
        bus(client, slept).publish([an_event("a"), an_event("b"), an_event("c"), an_event("b", 2), an_event("d")])

    assert stopped.value.done == 1
    assert client.order() == ["a:1", "c:1"]  # c was in the same call and will come twice; b's second line was not sent
    assert len(slept) == len(PAUSES)
    assert all(0.5 * pause <= waited <= 1.5 * pause for pause, waited in zip(PAUSES, slept, strict=True))


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="https://events"),
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents"),
    ],
    ids=["nobody answers", "the call is refused"],
)
def test_a_call_that_fails_whole_says_how_much_is_on_the_bus(failure):
    class Failing(EventBridge):
        def put_events(self, **entries):
            if self.asked:
                raise failure
            return super().put_events(**entries)

    client = Failing()

    with pytest.raises(NotPublished) as stopped:
        bus(client).publish([an_event(f"bk_{number}") for number in range(15)])

    assert stopped.value.done == 10
    assert len(client.arrived) == 10


def test_when_time_is_up_no_call_is_begun():
    client = EventBridge()
    left = iter([True, True, False])

    with pytest.raises(NotPublished, match="time") as stopped:
        bus(client).publish([an_event(f"bk_{number}") for number in range(25)], has_time=lambda: next(left))

    assert stopped.value.done == len(client.arrived) == 20


@given(EVENTS, st.data())
def test_however_it_refuses_a_bookings_events_arrive_in_order_and_what_is_said_to_be_there_is_there(events, data):
    events = [event | {"id": f"{event['booking_id']}:{number}"} for number, event in enumerate(events)]
    refusals = iter(data.draw(st.lists(st.booleans(), max_size=80)))
    client = EventBridge(lambda event, call: "ThrottlingException" if next(refusals, False) else None)

    done = len(events)
    try:
        bus(client).publish(events)
    except NotPublished as stopped:
        done = stopped.done

    assert {event["id"] for event in events[:done]} <= set(client.order())
    for booking in {event["booking_id"] for event in events}:
        numbers = [int(each.partition(":")[2]) for each in client.order() if each.startswith(f"{booking}:")]
        assert numbers == sorted(set(numbers))
        mine = [number for number, event in enumerate(events) if event["booking_id"] == booking]
        assert numbers == mine[: len(numbers)]


# --- lines ---------------------------------------------------------------------------------------------------------


def logged(booking: str, sequence: int, kind: str = "authorize", status: str = "succeeded", **changes: Any) -> Logged:
    entry = Entry(kind=kind, status=status, actor="clock", amount=5000, **changes)
    before = held(booking_id=booking, sequence=sequence - 1)
    _, (line,) = append(before, before, [entry], now=BOOKED)
    return Logged(booking, "yoga", line)


@dataclass
class Owners:
    asked: list[list[str]] = field(default_factory=list)

    def __call__(self, booking_ids: Sequence[str]) -> list[tuple[str, str]]:
        self.asked.append(list(booking_ids))
        return [(each, f"did:privy:{each}") for each in booking_ids if each != "bk_gone"]


def publisher(client: EventBridge, owners: Owners | None = None) -> Publisher:
    return Publisher(bus=bus(client), owners=owners or Owners(), deployment="holdfast")


def test_lines_become_events_in_their_order_and_silent_ones_none():
    client, owners = EventBridge(), Owners()
    lines = [logged("bk_1", 1, status="started"), logged("bk_1", 2), logged("bk_2", 1, status="started")]

    published = publisher(client, owners).publish(lines)

    assert (published.done, published.sent, published.broken, published.stopped) == (3, 1, [], None)
    assert client.order() == ["bk_1:2"]
    assert client.arrived[0]["user_id"] == "did:privy:bk_1"
    assert owners.asked == [["bk_1"]]  # nobody is asked whose the silent ones are


def test_where_nothing_is_to_be_said_nobody_is_asked():
    client, owners = EventBridge(), Owners()

    assert publisher(client, owners).publish([logged("bk_1", 1, status="started")]).done == 1
    assert (client.asked, owners.asked) == ([], [])


def test_a_booking_that_is_gone_has_nobody():
    client = EventBridge()
    publisher(client).publish([logged("bk_gone", 2)])

    assert client.arrived[0]["user_id"] is None


def test_a_line_that_nobody_understands_holds_nobody_up():
    client = EventBridge()
    published = publisher(client).publish([logged("bk_1", 2), logged("bk_2", 1, kind="sing"), logged("bk_3", 2)])

    assert client.order() == ["bk_1:2", "bk_3:2"]
    assert (published.done, published.sent) == (3, 2)
    assert [(each.logged.booking_id, each.why) for each in published.broken] == [("bk_2", "Unmapped: sing succeeded")]


def test_a_line_that_becomes_more_than_the_bus_takes_is_handed_back():
    client = EventBridge()
    huge = logged("bk_2", 1, stripe_id="pi_" + "x" * MOST_BYTES)
    published = publisher(client).publish([logged("bk_1", 2), huge])

    assert client.order() == ["bk_1:2"]
    assert [each.logged for each in published.broken] == [huge]


def test_where_the_bus_stops_it_is_the_line_that_is_named():
    client = EventBridge(lambda event, call: "InternalFailure" if event["booking_id"] == "bk_3" else None)
    lines = [
        logged("bk_1", 1, status="started"),
        logged("bk_1", 2),
        logged("bk_2", 1, kind="sing"),
        logged("bk_3", 1, status="started"),
        logged("bk_3", 2),
        logged("bk_4", 1, kind="dance"),
    ]

    published = publisher(client).publish(lines)

    assert (published.done, published.sent) == (4, 1)
    assert isinstance(published.stopped, NotPublished)
    assert [each.logged.booking_id for each in published.broken] == ["bk_2"]  # bk_4's comes again with the batch


# --- the stream ----------------------------------------------------------------------------------------------------


@dataclass
class Sqs:
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - AWS's words
        assert QueueUrl == "dead"
        self.sent.append(json.loads(MessageBody))


def records(lines: Sequence[Logged], name: str = "INSERT") -> list[dict[str, Any]]:
    return [
        {
            "eventName": name,
            "dynamodb": {"NewImage": marshal(line_item(each)), "SequenceNumber": str(1000 + number)},
        }
        for number, each in enumerate(lines)
    ]


def served(client: EventBridge, given: Sequence[dict[str, Any]], sqs: Sqs | None = None) -> Any:
    return serve(publisher(client), DeadLetters(sqs or Sqs(), "dead"), given)  # type: ignore[arg-type]


def test_a_batch_is_published_and_nothing_comes_again():
    client = EventBridge()
    told = served(client, records([logged("bk_1", 1, status="started"), logged("bk_1", 2)]))

    assert (told.sent, told.broken, told.again_from) == (1, 0, None)
    assert client.arrived[0]["event_id"] == "yoga"


def test_the_stream_starts_again_at_the_line_that_is_not_on_the_bus():
    client = EventBridge(lambda event, call: "ThrottlingException" if event["booking_id"] == "bk_2" else None)
    lines = [logged("bk_1", 2), logged("bk_2", 1, status="started"), logged("bk_2", 2), logged("bk_3", 2)]

    assert served(client, records(lines)).again_from == "1002"


def test_what_a_person_does_to_the_table_is_no_news():
    client = EventBridge()
    removed = [{"eventName": "REMOVE", "dynamodb": {"OldImage": {}, "SequenceNumber": "1"}}]
    told = served(client, [*removed, *records([logged("bk_1", 2)], "MODIFY"), *records([logged("bk_2", 2)])])

    assert client.order() == ["bk_2:2"]
    assert told.again_from is None


def test_dead_letters_name_the_line_so_that_it_can_be_replayed():
    sqs = Sqs()
    no_line = {"eventName": "INSERT", "dynamodb": {"NewImage": marshal({"booking_id": "bk_9", "sequence": 4})}}
    told = served(EventBridge(), [*records([logged("bk_1", 3, kind="sing")]), no_line], sqs)

    assert told.broken == 2
    assert [(each["booking_id"], each["sequence"]) for each in sqs.sent] == [("bk_1", 3), ("bk_9", 4)]
    assert sqs.sent[0]["why"] == "Unmapped: sing succeeded"


def test_a_dead_letter_that_cannot_be_kept_brings_the_batch_again():
    class Full(Sqs):
        def send_message(self, **_):
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "no"}}, "SendMessage")

    with pytest.raises(ClientError):
        served(EventBridge(), records([logged("bk_1", 3, kind="sing")]), Full())
