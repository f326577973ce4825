"""`python -m operate.replay_events`: publishes lines of the log once more, as domain events with `replayed: true`.

    --booking ID [--first N] [--last N]   one booking's lines
    --from TIME [--to TIME]               every booking's, from a time on and before another (now, if left out)
    --resume PLACE                        go on where such a replay stopped; it says the place after every page
    --dead-letters                        what lies in the dead letters of publish_events, and takes it out of them

Times are ISO 8601, UTC if they say no offset. `--look` publishes nothing and says what it would. Consumers drop by `id`
what they have had, so a replay that is too long does no harm.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from holdfast.bus import Bus
from holdfast.domain_event_types import event_type
from holdfast.log import Logged, wire_time
from holdfast.publishing import Publisher
from holdfast.settings import Settings
from holdfast.store.log import Log, Position, owners
from holdfast.store.tables import Tables
from operate.target import Target, add_arguments, chosen

# The stream's clock and the line's own time are two; a line is written a moment after its time was taken.
_AROUND: Final = timedelta(minutes=2)
# How long messages are hidden while their lines are published; whoever only looks needs less.
_HIDDEN_SECONDS: Final = 900
_LOOKED_AT_SECONDS: Final = 60

Page = tuple[list[Logged], str | None]
"""Lines, and the place behind them; None where nothing comes behind."""


class Stopped(Exception):
    """The bus did not take everything. What was published is published."""


@dataclass(frozen=True)
class Span:
    """From `start` on and before `end`."""

    start: datetime
    end: datetime

    def place(self, position: Position) -> str:
        told = [wire_time(self.start), wire_time(self.end), *astuple(position)]
        return base64.urlsafe_b64encode(json.dumps(told).encode()).decode()


def span_of(place: str) -> tuple[Span, Position]:
    """Raises ValueError where it is no place."""
    start, end, day, shard, written_at, booking_id = json.loads(base64.urlsafe_b64decode(place.encode()))
    return Span(_time(start), _time(end)), Position(day, shard, written_at, booking_id)


@dataclass(frozen=True)
class Replay:
    """Without a publisher it only looks."""

    log: Log
    publisher: Publisher | None

    def booking(self, booking_id: str, *, first: int = 1, last: int | None = None) -> Iterator[Page]:
        after: int | None = first - 1
        while after is not None:
            lines, after = self.log.of_booking(booking_id, after=after)
            wanted = [each for each in lines if last is None or each.sequence <= last]
            after = after if len(wanted) == len(lines) else None
            yield wanted, None

    def span(self, span: Span, position: Position | None = None) -> Iterator[Page]:
        while True:
            lines, position = self.log.between(span.start, span.end, position=position)
            yield lines, span.place(position) if position else None
            if position is None:
                return

    def publish(self, lines: Sequence[Logged]) -> Done:
        """Raises Stopped."""
        if self.publisher is None:
            return _looked_at(lines)
        published = self.publisher.publish(lines, replayed=True)
        if published.stopped is not None:
            raise Stopped(str(published.stopped))
        broken = [f"{each.logged.booking_id} line {each.logged.sequence}: {each.why}" for each in published.broken]
        spared = {(each.logged.booking_id, each.logged.sequence) for each in published.broken}
        return Done(
            _looked_at([each for each in lines if (each.booking_id, each.sequence) not in spared]).events, broken
        )


@dataclass(frozen=True)
class Done:
    """How many events of each type, and which lines cannot be any."""

    events: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __add__(self, other: Done) -> Done:
        return Done(self.events + other.events, [*self.broken, *other.broken])


def _looked_at(lines: Sequence[Logged]) -> Done:
    done = Done()
    for logged in lines:
        try:
            kind = event_type(logged.line)
        except LookupError as fault:
            done.broken.append(f"{logged.booking_id} line {logged.sequence}: {fault}")
        else:
            done.events.update([kind] if kind else [])
    return done


def main() -> int:
    parser = _parser()
    arguments = parser.parse_args()
    target = chosen(arguments)
    replay = replay_on(target, look=arguments.look)
    done = Done()
    try:
        if arguments.dead_letters:
            done = dead_letters(target, replay, look=arguments.look)
        else:
            for lines, place in _pages(parser, arguments, replay):
                done += replay.publish(lines)
                if place is not None and lines:
                    print(f"{done.events.total()} events so far; --resume {place}", file=sys.stderr, flush=True)
    except Stopped as stopped:
        print(f"The bus stopped taking events: {stopped}. Go on from the last place.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Go on from the last place.", file=sys.stderr)
        return 130
    for name, count in sorted(done.events.items()):
        print(f"{count:8} {name}")
    for line in done.broken:
        print(f"No event: {line}", file=sys.stderr)
    print(f"{done.events.total()} events {'would be ' if arguments.look else ''}published")
    return 1 if done.broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="operate.replay_events", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--booking", metavar="ID")
    which.add_argument("--from", dest="start", type=_time, metavar="TIME")
    which.add_argument("--resume", type=span_of, metavar="PLACE")
    which.add_argument("--dead-letters", action="store_true")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="with --booking: from this line on")
    parser.add_argument("--last", type=int, metavar="N", help="with --booking: up to this line")
    parser.add_argument("--to", dest="end", type=_time, metavar="TIME", help="with --from")
    parser.add_argument("--look", action="store_true", help="publish nothing")
    return parser


def _pages(parser: argparse.ArgumentParser, arguments: argparse.Namespace, replay: Replay) -> Iterator[Page]:
    if arguments.end and not arguments.start:
        parser.error("--to goes with --from")
    if not arguments.booking and (arguments.first, arguments.last) != (1, None):
        parser.error("--first and --last go with --booking")
    if arguments.booking:
        return replay.booking(arguments.booking, first=arguments.first, last=arguments.last)
    if arguments.resume:
        return replay.span(*arguments.resume)
    span = Span(arguments.start, arguments.end or datetime.now(UTC))
    if span.end <= span.start:
        parser.error("--to is not after --from")
    return replay.span(span)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(microsecond=0)


def replay_on(target: Target, *, look: bool = False) -> Replay:
    names = target.resources()
    tables = Tables(
        Settings({"BOOKINGS_TABLE": names["BookingsTable"], "TRANSACTIONS_TABLE": names["TransactionsTable"]})
    )
    dynamodb = target.client("dynamodb")
    publisher = Publisher(
        bus=Bus(target.client("events"), names["DomainEventsBus"]),
        owners=lambda booking_ids: owners(dynamodb, tables, booking_ids),
        deployment=target.stack_name,
    )
    return Replay(Log(dynamodb, tables), None if look else publisher)


def dead_letters(target: Target, replay: Replay, *, look: bool = False) -> Done:
    """Messages are taken out once their lines are on the bus; whoever dies in between publishes them twice.

    The function names one line. The stream tells only when the first and the last of a batch arrived, so everything
    that was written around that time is published; spans that overlap are published once.
    """
    sqs, queue = target.client("sqs"), target.resources()["PublishEventsDeadLetters"]
    messages = list(_messages(sqs, queue, hide=_LOOKED_AT_SECONDS if look else _HIDDEN_SECONDS))
    done = Done()
    for pages, receipts in _wanted(replay, messages):
        here = Done()
        for lines in pages:
            here += replay.publish(lines)
        if not look and not here.broken:
            for receipt in receipts:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=receipt)
        done += here
    return done


def _messages(sqs: Any, queue: str, *, hide: int) -> Iterator[dict[str, Any]]:
    while found := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=hide, WaitTimeSeconds=1
    ).get("Messages"):
        yield from found


def _wanted(replay: Replay, messages: Sequence[dict[str, Any]]) -> Iterator[tuple[Iterator[list[Logged]], list[str]]]:
    """The lines that messages are about, page by page, and the receipts of those messages."""
    spans: list[tuple[Span, list[str]]] = []
    for message in messages:
        body, receipt = json.loads(message["Body"]), message["ReceiptHandle"]
        batch = body.get("DDBStreamBatchInfo")
        if batch is None:
            yield iter([replay.log.lines([(body["booking_id"], body["sequence"])])]), [receipt]
        else:
            first, last = (_time(batch[f"approximateArrivalOf{which}Record"]) for which in ("First", "Last"))
            spans.append((Span(first - _AROUND, last + _AROUND), [receipt]))
    for span, receipts in _merged(spans):
        yield (lines for lines, _ in replay.span(span)), receipts


def _merged(spans: Sequence[tuple[Span, list[str]]]) -> list[tuple[Span, list[str]]]:
    merged: list[tuple[Span, list[str]]] = []
    for span, receipts in sorted(spans, key=lambda each: each[0].start):
        if merged and span.start <= merged[-1][0].end:
            last, its = merged[-1]
            merged[-1] = Span(last.start, max(last.end, span.end)), [*its, *receipts]
        else:
            merged.append((span, receipts))
    return merged


if __name__ == "__main__":
    sys.exit(main())
