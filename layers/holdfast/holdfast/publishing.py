"""From lines of the log to the bus: what `publish_events` does with the stream, and a replay with the log itself.

Nothing else publishes. A line that the bus does not take now comes again, with all that follow it; a line that can
never become an event is handed back apart, so that nobody waits behind a fault of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from holdfast.bus import MOST_BYTES, Bus, NotPublished, entry_size
from holdfast.domain_event_types import event_type
from holdfast.domain_events import Event, domain_event
from holdfast.log import Logged
from holdfast.store.log import new_lines

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_SAID: Final = 200


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that no rule can turn into an event, and why."""

    logged: Logged
    why: str


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a batch: `done` lines from the first on are dealt with, `sent` of them as events.

    Where `stopped` says why, the line at `done` is not on the bus, and none behind it is surely there.
    """

    done: int
    sent: int
    broken: Sequence[Broken]
    stopped: NotPublished | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """`owners` tells whose bookings these are."""

    bus: Bus
    owners: Callable[[Sequence[str]], Iterable[tuple[str, str]]]
    deployment: str

    def publish(
        self, lines: Sequence[Logged], *, replayed: bool = False, has_time: Callable[[], bool] = lambda: True
    ) -> Published:
        """The events that these lines are, in the order of the lines."""
        events: list[Event] = []
        places: list[int] = []  # which line each event is
        broken: dict[int, Broken] = {}
        users = self._users(lines)
        for place, logged in enumerate(lines):
            try:
                event = self._event(logged, users.get(logged.booking_id), replayed)
            except Exception as fault:  # noqa: BLE001 - whatever it is, this line fails alone
                broken[place] = Broken(logged, f"{type(fault).__name__}: {fault}"[:_SAID])
                continue
            if event is not None:
                events.append(event)
                places.append(place)
        try:
            self.bus.publish(events, has_time=has_time)
        except NotPublished as stopped:
            place = places[stopped.done]
            before = [each for at, each in broken.items() if at < place]
            return Published(place, stopped.done, before, stopped)
        return Published(len(lines), len(events), list(broken.values()))

    def _users(self, lines: Sequence[Logged]) -> dict[str, str]:
        """Only of the bookings that there is an event of: half of all lines are none."""
        concerned = [logged.booking_id for logged in lines if _may_be_an_event(logged)]
        return dict(self.owners(concerned)) if concerned else {}

    def _event(self, logged: Logged, user_id: str | None, replayed: bool) -> Event | None:
        event = domain_event(logged, user_id=user_id, deployment=self.deployment, replayed=replayed)
        if event is not None and entry_size(event) > MOST_BYTES:
            raise ValueError("the event is larger than the bus takes")
        return event


def _may_be_an_event(logged: Logged) -> bool:
    try:
        return event_type(logged.line) is not None
    except Exception:  # noqa: BLE001 - said where the event is made
        return False


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The queue of lines that were not published; the stream's own on-failure destination is the same one."""

    client: SQSClient
    queue_url: str

    def keep(self, broken: Broken) -> None:
        body = {"booking_id": broken.logged.booking_id, "sequence": broken.logged.sequence, "why": broken.why}
        self.client.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(body))


@dataclass(frozen=True, slots=True)
class Served:
    """`again_from`: the stream's own number of the first record that has to come again; None where none has."""

    sent: int
    broken: int
    again_from: str | None = None
    stopped: NotPublished | None = None


def serve(
    publisher: Publisher,
    dead_letters: DeadLetters,
    records: Sequence[Mapping[str, Any]],
    *,
    has_time: Callable[[], bool] = lambda: True,
) -> Served:
    """One batch of the stream of the log's table. Dying anywhere in it brings the whole batch again."""
    places, lines = [], []
    for place, logged in new_lines(records):
        places.append(place)
        lines.append(logged)
    published = publisher.publish(lines, has_time=has_time)
    for broken in published.broken:
        dead_letters.keep(broken)
    again_from = None
    if published.stopped is not None:
        again_from = str(records[places[published.done]]["dynamodb"]["SequenceNumber"])
    return Served(published.sent, len(published.broken), again_from, published.stopped)
