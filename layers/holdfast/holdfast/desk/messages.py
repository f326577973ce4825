"""The queue of steps: which booking, or which event's bookings, somebody has to look at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10  # SQS takes so many messages at once
_LONGEST_DELAY: Final = 900  # SQS delays no longer


@dataclass(frozen=True, slots=True)
class Steps:
    """Sends messages to the worker. A message is only a hint: the worker reads the booking itself."""

    client: SQSClient
    queue_url: str

    def bookings(self, bookings: Iterable[Mapping[str, Any]]) -> int:
        """Queue these (`booking_id`, and what is known of it); how many there were."""
        sent = 0
        for batch in _batches(bookings):
            self._send(batch)
            sent += len(batch)
        return sent

    def event(self, event_id: str, after: tuple[str, str] | None = None) -> None:
        """Queue one page of an event's bookings, from behind `after`."""
        self._send([{"event_id": event_id, "after": after}])

    def _send(self, bodies: list[Mapping[str, Any]]) -> None:
        entries = [{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(bodies)]
        answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=cast(Any, entries))
        if answer.get("Failed"):
            raise RuntimeError(f"SQS did not take {len(answer['Failed'])} messages")


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Sends an event of Stripe's around once more, when its booking is busy."""

    client: SQSClient
    queue_url: str

    def defer(self, body: str, seconds: int) -> None:
        """The same event again in so many seconds, as a new message: being busy is no failure and counts as none."""
        self.client.send_message(QueueUrl=self.queue_url, MessageBody=body, DelaySeconds=min(seconds, _LONGEST_DELAY))


@dataclass(frozen=True, slots=True)
class LongDays:
    """Has the reconciliation of a day go on in another invocation, when the time of this one is over."""

    client: SQSClient
    queue_url: str

    def go_on(self, day: date) -> None:
        """One message, whatever is left of the day: where to go on is kept with the day's progress."""
        self.client.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps({"day": day.isoformat()}))


def _batches(items: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
