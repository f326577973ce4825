"""`python -m operate.redrive steps|stripe-events`: gives the messages of a dead-letter queue back to its queue.

Each message is sent before it is deleted, so that a command that dies loses nothing; both workers take a message twice
without harm. `--look` shows what lies there and moves nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, Final

from operate.target import Target, add_arguments, chosen

QUEUES: Final = {
    "steps": ("StepsDeadLetters", "StepsQueue"),
    "stripe-events": ("StripeEventsDeadLetters", "StripeEventsQueue"),
}
_HIDDEN_SECONDS: Final = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="operate.redrive", description=__doc__)
    add_arguments(parser)
    parser.add_argument("queue", choices=sorted(QUEUES))
    parser.add_argument("--look", action="store_true", help="show the messages and leave them")
    arguments = parser.parse_args()
    target = chosen(arguments)
    moved = redrive(target, arguments.queue, look=arguments.look)
    print(f"{moved} messages {'lie there' if arguments.look else 'given back'}")
    return 0


def redrive(target: Target, queue: str, *, look: bool = False) -> int:
    """How many messages were given back (or seen)."""
    names = target.resources()
    source, destination = (names[name] for name in QUEUES[queue])
    sqs = target.client("sqs")
    moved = 0
    while messages := _receive(sqs, source, hide=_HIDDEN_SECONDS):
        for message in messages:
            print(f"  {message['MessageId']}: {_summary(message['Body'])}")
            if not look:
                sqs.send_message(QueueUrl=destination, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved


def _receive(sqs: Any, queue_url: str, *, hide: int) -> list[Any]:
    answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=hide, WaitTimeSeconds=1)
    return list(answer.get("Messages", []))


def _summary(body: str) -> str:
    """Ids only: an event of Stripe's holds a customer's data."""
    try:
        message = json.loads(body)
    except ValueError:
        return f"{len(body)} characters that are not JSON"
    if not isinstance(message, dict):
        return "JSON, but not an object"
    return ", ".join(f"{name} {message[name]}" for name in ("booking_id", "event_id", "id", "type") if name in message)


if __name__ == "__main__":
    sys.exit(main())
