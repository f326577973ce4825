"""SQS, EventBridge and Secrets Manager in memory: the calls that Holdfast makes, answered as AWS answers them.

A queue is at least once: a message that is not deleted is visible again after the queue's timeout, and a dead letter
when it was received as often as template.yaml allows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.tables import template

_NEVER: Final = float("inf")


@dataclass
class Message:
    message_id: str
    body: str
    visible_at: float
    sent_at: float
    received: int = 0


@dataclass
class Queue:
    name: str
    visibility_seconds: float
    retention_seconds: float
    most_receives: int
    dead_letters: str | None
    messages: list[Message] = field(default_factory=list)

    def next_visible(self) -> float | None:
        return min((message.visible_at for message in self.messages), default=None)


def queues_of_template() -> dict[str, Queue]:
    """By logical id, with the timeouts and dead-letter queues that are deployed."""
    found = {}
    for name, resource in template()["Resources"].items():
        if resource["Type"] != "AWS::SQS::Queue":
            continue
        properties = resource["Properties"]
        redrive = properties.get("RedrivePolicy", {})
        found[name] = Queue(
            name=name,
            visibility_seconds=properties.get("VisibilityTimeout", 30),
            retention_seconds=properties.get("MessageRetentionPeriod", 345_600),
            most_receives=redrive.get("maxReceiveCount", 0),
            dead_letters=str(redrive["deadLetterTargetArn"]).removesuffix(".Arn") if redrive else None,
        )
    return found


class Queues:
    """Stands in for boto3's SQS client; the URL of a queue is its logical id."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.queues = queues_of_template()
        self._sent = 0

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> dict[str, Any]:  # noqa: N803
        return {"MessageId": self._put(QueueUrl, MessageBody, DelaySeconds)}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if not 1 <= len(Entries) <= 10:
            raise ValueError("SQS takes one to ten messages at once")
        sent = [
            {"Id": entry["Id"], "MessageId": self._put(QueueUrl, entry["MessageBody"], entry.get("DelaySeconds", 0))}
            for entry in Entries
        ]
        return {"Successful": sent, "Failed": []}

    def _put(self, queue: str, body: str, delay: int) -> str:
        if not 0 <= delay <= 900:
            raise ValueError("SQS delays for at most 900 seconds")
        self._sent += 1
        message = Message(f"message-{self._sent}", body, self._now() + delay, self._now())
        self.queues[queue].messages.append(message)
        return message.message_id

    # --- the event source mapping's side ------------------------------------------------------------------------------

    def receive(self, name: str, most: int) -> list[Message]:
        """What is visible now, hidden from here on; what was received too often or is too old goes."""
        queue, now = self.queues[name], self._now()
        taken: list[Message] = []
        for message in [each for each in queue.messages if each.visible_at <= now]:
            if now - message.sent_at > queue.retention_seconds:
                queue.messages.remove(message)
            elif queue.dead_letters is not None and message.received >= queue.most_receives:
                queue.messages.remove(message)
                self.queues[queue.dead_letters].messages.append(replace(message, visible_at=_NEVER, received=0))
            elif len(taken) < most:
                message.received += 1
                message.visible_at = now + queue.visibility_seconds
                taken.append(message)
        return taken

    def delete(self, name: str, message_id: str) -> None:
        queue = self.queues[name]
        queue.messages = [message for message in queue.messages if message.message_id != message_id]

    def redrive(self) -> int:
        """Dead letters back to where they came from, as `make redrive` does; how many."""
        moved = 0
        for queue in self.queues.values():
            if queue.dead_letters is None:
                continue
            dead = self.queues[queue.dead_letters]
            for message in dead.messages:
                queue.messages.append(replace(message, visible_at=self._now(), sent_at=self._now()))
                moved += 1
            dead.messages = []
        return moved

    def snapshot(self) -> Any:
        return self._sent, {name: [replace(each) for each in queue.messages] for name, queue in self.queues.items()}

    def restore(self, kept: Any) -> None:
        self._sent, messages = kept
        for name, found in messages.items():
            self.queues[name].messages = [replace(each) for each in found]


class DomainBus:
    """Stands in for boto3's EventBridge client; keeps what was put on the bus."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if not 1 <= len(Entries) <= 10:
            raise ValueError("EventBridge takes one to ten entries at once")
        self.events.extend(json.loads(entry["Detail"]) for entry in Entries)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": f"event-{len(self.events)}"} for _ in Entries]}

    def snapshot(self) -> Any:
        return len(self.events)

    def restore(self, kept: Any) -> None:
        del self.events[kept:]


class Secrets:
    """Stands in for boto3's Secrets Manager client."""

    class exceptions:  # noqa: N801 - boto3's name for it
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        self._values = values

    def get_secret_value(self, *, SecretId: str, VersionStage: str = "AWSCURRENT") -> dict[str, Any]:  # noqa: N803
        if VersionStage != "AWSCURRENT":
            raise self.exceptions.ResourceNotFoundException(SecretId)
        return {"SecretString": json.dumps(self._values[SecretId])}
