"""Puts domain events on the deployment's EventBridge bus, in order, as few calls as AWS's limits allow.

A call takes ten entries and 256 KB in all, and may take some and refuse others; those are sent again, alone, before
anything that comes behind them. EventBridge itself promises no order, so consumers order by `sequence`; but what was
sent in order mostly arrives in order.
Source: docs.aws.amazon.com/eventbridge/latest/APIReference, API_PutEvents and API_PutEventsResultEntry.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.domain_events import Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE: Final = "holdfast"
MOST_ENTRIES: Final = 10
MOST_BYTES: Final = 256 * 1024
# Seconds before what was refused is sent again; a refusal that lasts longer is left to whoever calls.
PAUSES: Final = (0.1, 0.4, 1.6)


class NotPublished(Exception):
    """The bus did not take an event. `done`: so many of them, from the first on, are on the bus."""

    def __init__(self, done: int, why: str) -> None:
        super().__init__(why)
        self.done = done


def entry_size(event: Event) -> int:
    """Bytes of an entry as AWS counts them: source, type and detail (no time, no resources)."""
    return len(SOURCE) + len(event["type"]) + len(_detail(event).encode())


def _detail(event: Event) -> str:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def calls(events: Sequence[Event]) -> Iterator[list[Event]]:
    """The events, in order, in pieces that one call takes.

    No piece has two of one booking: where one of them is refused, the later one must not be on the bus before it.
    """
    call: list[Event] = []
    size = 0
    for event in events:
        more = entry_size(event)
        full = len(call) == MOST_ENTRIES or size + more > MOST_BYTES
        if call and (full or any(event["booking_id"] == other["booking_id"] for other in call)):
            yield call
            call, size = [], 0
        call.append(event)
        size += more
    if call:
        yield call


@dataclass(frozen=True, slots=True)
class Bus:
    """`name` is the bus's name or ARN."""

    client: EventBridgeClient
    name: str
    sleep: Callable[[float], None] = time.sleep

    def publish(self, events: Sequence[Event], *, has_time: Callable[[], bool] = lambda: True) -> None:
        """All of them, in order. Raises NotPublished at the first that the bus does not take, or when time is up."""
        done = 0
        for call in calls(events):
            if not has_time():
                raise NotPublished(done, "no time is left")
            self._put(call, done)
            done += len(call)

    def _put(self, call: Sequence[Event], done: int) -> None:
        waiting = list(enumerate(call))
        for pause in (*PAUSES, None):
            codes = self._refused([event for _, event in waiting], done + waiting[0][0])
            waiting = [each for each, code in zip(waiting, codes, strict=True) if code is not None]
            if not waiting:
                return
            if pause is not None:
                self.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        raise NotPublished(done + waiting[0][0], ", ".join(sorted({code for code in codes if code is not None})))

    def _refused(self, events: Sequence[Event], done: int) -> list[str | None]:
        """Of each event why it was refused; None if it is on the bus."""
        entries: Any = [
            {"Source": SOURCE, "DetailType": event["type"], "Detail": _detail(event), "EventBusName": self.name}
            for event in events
        ]
        try:
            answer = self.client.put_events(Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise NotPublished(done, str(error)) from error
        return [entry.get("ErrorCode") for entry in answer["Entries"]]
