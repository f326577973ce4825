"""`python -m operate.watch_events`: prints the domain events of a deployment as they happen, until Ctrl-C.

It listens with a rule and a queue of its own, which it removes when it leaves; what happened before is in the log.
`--json` prints each event whole, one a line.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError

from holdfast.bus import SOURCE
from operate.target import Target, add_arguments, chosen

_A_MINUTE = 60


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="operate.watch_events", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="whole events")
    arguments = parser.parse_args()
    target = chosen(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # however it ends, the rule and the queue are removed
    try:
        with listening(target) as queue:
            print("Listening. Ctrl-C ends it.", file=sys.stderr, flush=True)
            while True:
                for event in received(target, queue, seconds=5):
                    print(json.dumps(event) if arguments.json else told(event), flush=True)
    except KeyboardInterrupt:
        return 0
    except BotoCoreError as gone:
        print(f"Nothing to listen to any more: {gone}", file=sys.stderr)
        return 1


@contextmanager
def listening(target: Target) -> Iterator[str]:
    """The URL of a queue that gets every event of the bus while the block lasts."""
    bus = target.resources()["DomainEventsBus"]
    events, sqs = target.client("events"), target.client("sqs")
    name = f"{bus}-watch-{uuid.uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": str(_A_MINUTE)})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    try:
        pattern = json.dumps({"source": [SOURCE]})
        rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern, State="ENABLED")["RuleArn"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(_policy(arn, rule))})
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "watch", "Arn": arn}])
        yield queue
    finally:
        _remove(events, sqs, bus, name, queue)


def _policy(queue: str, rule: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _remove(events: Any, sqs: Any, bus: str, name: str, queue: str) -> None:
    """All of it, also when it was never finished."""
    left = []
    for undo, arguments in (
        (events.remove_targets, {"Rule": name, "EventBusName": bus, "Ids": ["watch"]}),
        (events.delete_rule, {"Name": name, "EventBusName": bus}),
        (sqs.delete_queue, {"QueueUrl": queue}),
    ):
        try:
            undo(**arguments)
        except Exception as error:  # noqa: BLE001 - the next one is still to be removed
            left.append(str(error))
    if left:
        print(f"The rule and the queue {name} may be left: {left[-1]}", file=sys.stderr)


def received(target: Target, queue: str, *, seconds: int) -> list[dict[str, Any]]:
    """The details of the events that have arrived, oldest first as far as SQS keeps order; waits so long for one."""
    sqs = target.client("sqs")
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
    found = []
    for message in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        found.append(json.loads(message["Body"])["detail"])
    return found


def told(event: dict[str, Any]) -> str:
    """One line for a person."""
    money = event["amount"]
    amount = f"{money['amount']} {money['currency']}" if money else ""
    more = ", ".join(f"{name} {value}" for name, value in event["data"].items() if value is not None)
    said = f"{event['actor']}: {event['reason']}" if event["reason"] else event["actor"]
    again = " (replayed)" if event["replayed"] else ""
    return (
        f"{event['occurred_at']}  {event['type']:34} {amount:>14}  {event['booking_id']}:{event['sequence']:<3} "
        f"{event['payment_status']:18} {said}{f'; {more}' if more else ''}{again}"
    )


if __name__ == "__main__":
    sys.exit(main())
