"""What can be asked of the store, at random: each of its methods, over few bookings, users, events and keys.

A step is chosen once and done on several stores. Whoever adds a method to the store adds how it is played here: until
then `STEPS` is not whole, and the tests that use it fail.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.booking import Booking, HoldState, Kind
from holdfast.caller import Caller, Role
from holdfast.errors import RateLimited
from holdfast.log import Entry, append
from holdfast.rate_limit import MONEY, READS, RateLimiter
from holdfast.reconciliation import Run
from holdfast.settings import Settings
from holdfast.store import Check, Commit, Record, Store
from holdfast.store.conditions import ConditionFailed
from holdfast.store.log import owners
from holdfast.store.tables import Tables
from holdfast.store.users import Card, User
from tests.tables import variables
from tests.unit import builders as make

START: Final = datetime.fromisoformat("2026-11-23T20:00:00+00:00")
BOOKINGS: Final = tuple(f"bk_{letter}" for letter in "abcde")
USERS, EVENTS, CARDS = ("alice", "bob"), ("yoga", "jazz", "opera"), ("pm_1", "pm_2", "pm_3")
KEYS: Final = tuple(f"request#{number}" for number in range(5))
SEEN: Final = ("evt_1", "evt_2")
PARTS: Final = ("bookings", "events", "log", "reconciliations", "records", "users")
Step = Callable[["Side"], Any]


class Side:
    """A store, and whatever else reads and writes the tables, on one client."""

    def __init__(self, client: Any, now: Callable[[], datetime]) -> None:
        settings = Settings(variables())
        self.client, self.tables = client, Tables(settings)
        self.store = Store(client, settings)
        self.limiter = RateLimiter(client, self.tables.idempotency, {MONEY: 3, READS: 40}, now)


class Player:
    """Chooses steps; what it must know of the present state it reads from `looks`."""

    def __init__(self, seed: int, sides: Callable[[Callable[[], datetime]], list[Side]]) -> None:
        self.rng = random.Random(seed)
        self.now = START
        self.sides = sides(lambda: self.now)
        self.looks = self.sides[-1].store

    def step(self, name: str | None = None) -> tuple[str, list[Any]]:
        """One step on all sides: its name, and what came of it on each."""
        self.now += timedelta(seconds=self.rng.choice((0, 1, 20, 3600)))
        name = name or self.rng.choices(list(STEPS), [WEIGHTS.get(each, 1) for each in STEPS])[0]
        step = STEPS[name](self)
        return name, [_done(step, side) for side in self.sides]

    # --- what is chosen

    def one(self, choices: Any) -> Any:
        return self.rng.choice(choices)

    def often(self, chance: float = 0.7) -> bool:
        return self.rng.random() < chance

    def moment(self, days: float = 3) -> datetime:
        return self.now + timedelta(seconds=self.rng.randint(int(-days * 86400), int(days * 86400)))

    def version(self, version: int) -> int:
        """Mostly the right one."""
        return version if self.often(0.8) else max(0, version + self.one((-1, 1)))

    def booking(self, booking_id: str) -> Booking:
        """Some state of a booking; every third is due, wants attention, or has a dispute that waits."""
        state = self.one(
            (
                make.booking,
                make.held,
                make.captured,
                make.scheduled,
                make.waiting_for_3ds,
                lambda: make.under_way(self.one((Kind.CAPTURE, Kind.REFUND))),
                lambda: make.ended(HoldState.RELEASED),
            )
        )()
        hold = replace(state.hold, payment_intent_id=f"pi_{booking_id}_{self.one('12')}") if state.hold else None
        changes: dict[str, Any] = (
            {"attention": "refund_failed", "attention_since": self.moment()} if self.often(0.4) else {}
        )
        if self.often(0.4):
            changes["disputes"] = (make.dispute(due_by=self.moment()),)
        return replace(
            state,
            booking_id=booking_id,
            user_id=self.one(USERS),
            event_id=self.one(EVENTS),
            payment_method_id=self.one(CARDS),
            # Few different times, in three months, so that listings have ties and more than one month.
            created_at=START - timedelta(days=self.one((0, 0, 1, 30, 60))),
            updated_at=self.now,
            hold=hold,
            **changes,
        )

    def record(self) -> Record:
        return Record(
            key=self.one(KEYS),
            body_hash=self.one(("one", "two")),
            booking_id=self.one((None, *BOOKINGS)),
            operation_id=self.one((None, "op_1", "op_2")),
            answer={"status": 201} if self.often(0.3) else None,
            replaces=self.one((None, None, "op_1", "op_2")),
        )

    def version_of_event(self, event_id: str) -> int:
        event = self.looks.events.get(event_id)
        return self.version(event.version if event else 1)

    def check(self) -> Check:
        event_id = self.one((None, *EVENTS))
        card = (self.one(USERS), self.one(CARDS)) if self.often(0.4) else None
        return Check(event_id, self.version_of_event(event_id) if event_id else None, card)

    def commit(self) -> Step:
        booking_id = self.one(BOOKINGS)
        before = self.looks.bookings.get(booking_id)
        state = self.booking(booking_id)
        if before is not None:
            state = replace(
                state, version=before.version, sequence=before.sequence, chain_head=before.chain_head,
                created_at=before.created_at, user_id=before.user_id,
            )  # fmt: skip
        entries = [
            Entry(kind="capture", status="started", actor="staff", amount=7) for _ in range(self.one((0, 1, 1, 3)))
        ]
        after, lines = append(None, state, entries, now=self.now)
        commit = Commit(
            after=after,
            lines=lines if self.often(0.9) else [{**line, "sequence": 1} for line in lines[:1]],
            before_version=self.version(before.version) if before and self.often(0.9) else None,
            now=self.now,
            check=self.check() if self.often(0.3) else None,
            record=self.record() if self.often(0.3) else None,
            stripe_event_id=self.one(SEEN) if self.often(0.4) else None,
            counts_check_in=self.version_of_event(state.event_id) if self.often(0.4) else None,
        )
        if commit.check is not None:
            # Two actions on one item are a bug of whoever commits, not a condition that may fail.
            commit = replace(commit, counts_check_in=None)
        if commit.record is None and self.often(0.2):
            commit = replace(commit, answer_key=self.one(KEYS), answer={"status": 200})
        return lambda side: side.store.bookings.commit(commit)

    def put_event(self) -> Step:
        event_id = self.one(EVENTS)
        before = self.looks.events.get(event_id)
        known = before or make.event(event_id=event_id)
        event = replace(
            known, version=known.version + 1, passes=known.passes + self.one((0, 1)),
            due_at=self.moment() if self.often(0.5) else None, title=self.one(("Yoga", "Jazz")),
        )  # fmt: skip
        read = replace(before, version=self.version(before.version)) if before and self.often(0.9) else None
        return lambda side: side.store.events.put(event, before=read)

    def card(self) -> Card:
        return Card(
            payment_method_id=self.one(CARDS), brand="visa", last4="4242", exp_month=1, exp_year=2030,
            country=self.one((None, "DE")), created_at=self.moment().isoformat(),
        )  # fmt: skip

    def user(self) -> User:
        default = self.one((None, *CARDS))
        return User(user_id=self.one(USERS), customer_requested_at="earlier", default_payment_method_id=default)

    def wish_anew(self) -> Step:
        user, now = replace(self.user(), customer_wish=self.one((1, 2))), self.now
        return lambda side: side.store.users.wish_anew(user, now)

    def save_run(self) -> Step:
        day = (START - timedelta(days=self.one((0, 1)))).date()
        run = self.looks.reconciliations.get(day) or Run(day=day, since=START, started_at=START)
        run = replace(run, version=self.version(run.version), finished_at=self.one((None, self.now)))
        return lambda side: side.store.reconciliations.save(run)

    def take(self) -> Step:
        caller = Caller(self.one(USERS), Role.CUSTOMER, 0)
        operations = self.one((MONEY, READS))
        return lambda side: side.limiter.take(operations, caller)

    def between(self) -> Step:
        start = self.now - timedelta(hours=self.one((0, 3, 30)))
        end, limit = start + timedelta(hours=self.one((1, 30))), self.one((1, 2, 100))
        return lambda side: _pages(lambda after: side.store.log.between(start, end, position=after, limit=limit))

    def listing(self, read: Callable[..., Any], *named: Any, **fixed: Any) -> Step:
        limit = self.one((1, 2, 50))
        return lambda side: _pages(lambda after: read(side.store, *named, limit=limit, after=after, **fixed))

    def equal(self, name: str, *choices: str) -> dict[str, str]:
        return {name: self.one(choices)} if self.often(0.4) else {}


def _pages(read: Callable[[Any], tuple[list[Any], Any]]) -> list[list[Any]]:
    """All pages of a listing."""
    pages, after = [], None
    while True:
        page, after = read(after)
        pages.append(page)
        if after is None:
            return pages


def _done(step: Step, side: Side) -> Any:
    """Its answer, or why it was refused."""
    try:
        return step(side)
    except (ConditionFailed, RateLimited) as refused:
        return type(refused).__name__, str(refused)
    except TypeError as nobody:
        # A user whose customer nobody has begun: no code asks so, and it must be no different on both.
        if "customer_requested_at" not in str(nobody):
            raise
        return "NobodyYet", ""


def _simple(read: Callable[[Store, Any], Any], choices: Any) -> Callable[[Player], Step]:
    def chosen(player: Player) -> Step:
        argument = player.one(choices)
        return lambda side: read(side.store, argument)

    return chosen


def _lines(player: Player) -> Step:
    keys = list(dict.fromkeys((player.one(BOOKINGS), player.rng.randint(1, 6)) for _ in range(4)))
    return lambda side: side.store.log.lines(keys)


def _line_pages(read: Callable[[Store], Callable[..., Any]]) -> Callable[[Player], Step]:
    def chosen(player: Player) -> Step:
        booking_id, limit = player.one(BOOKINGS), player.one((1, 3, 100))
        return lambda side: _pages(lambda after: read(side.store)(booking_id, after=after or 0, limit=limit))

    return chosen


def _with_now(write: Callable[..., Any], *pools: Any) -> Callable[[Player], Step]:
    def chosen(player: Player) -> Step:
        arguments, now = [player.one(pool) for pool in pools], player.now
        return lambda side: write(side.store, *arguments, now)

    return chosen


def _of(write: Callable[..., Any], *pools: Any) -> Callable[[Player], Step]:
    def chosen(player: Player) -> Step:
        arguments = [player.one(pool) for pool in pools]
        return lambda side: write(side.store, *arguments)

    return chosen


def _answer(player: Player) -> Step:
    record, now = player.record(), player.now
    return lambda side: side.store.records.answer(record, {"status": 422}, now)


def _told(player: Player) -> Step:
    record = player.record()
    return lambda side: side.store.records.told_unknown(record)


def _add_card(player: Player) -> Step:
    user_id, card = player.one(USERS), player.card()
    return lambda side: side.store.users.add_card(user_id, card)


def _default_card(player: Player) -> Step:
    user = player.user()
    return lambda side: side.store.users.default_card(user)


def _owners(player: Player) -> Step:
    return lambda side: list(owners(side.client, side.tables, [*BOOKINGS, "bk_unknown"]))


_DAYS: Final = tuple((START - timedelta(days=days)).date() for days in range(3))

STEPS: Final[dict[str, Callable[[Player], Step]]] = {
    "bookings.get": _simple(lambda s, each: s.bookings.get(each), BOOKINGS),
    "bookings.commit": Player.commit,
    "bookings.lines": _line_pages(lambda s: s.bookings.lines),
    "bookings.all_lines": _simple(lambda s, each: list(s.bookings.all_lines(each)), BOOKINGS),
    "bookings.by_payment_intent": _simple(
        lambda s, each: s.bookings.by_payment_intent(each), [f"pi_{each}_1" for each in BOOKINGS]
    ),
    "bookings.due": _with_now(lambda s, shard, now: list(s.bookings.due(shard, now)), range(8)),
    "bookings.of_user": lambda player: player.listing(
        lambda s, *a, **k: s.bookings.of_user(*a, **k),
        player.one(USERS), **player.equal("payment_status", "held", "captured"), **player.equal("event_id", *EVENTS),
    ),
    "bookings.of_event": lambda player: player.listing(
        lambda s, *a, **k: s.bookings.of_event(*a, **k),
        player.one(EVENTS), **player.equal("payment_status", "held", "captured"),
    ),
    "bookings.needing_attention": lambda player: player.listing(lambda s, **k: s.bookings.needing_attention(**k)),
    "bookings.awaiting_answers": lambda player: player.listing(
        lambda s, **k: s.bookings.awaiting_answers(**k), until=player.moment() if player.often(0.5) else None
    ),
    "bookings.of_months": lambda player: player.listing(
        lambda s, **k: s.bookings.of_months(**k), now=player.now, payment_status=player.one((None, "held", "captured"))
    ),
    "bookings.several": lambda _: lambda side: side.store.bookings.several([*BOOKINGS, BOOKINGS[0], "bk_unknown"]),
    "events.get": _simple(lambda s, each: s.events.get(each), EVENTS),
    "events.put": Player.put_event,
    "events.due": _with_now(lambda s, shard, now: list(s.events.due(shard, now)), range(8)),
    "log.of_booking": _line_pages(lambda s: s.log.of_booking),
    "log.between": Player.between,
    "log.lines": _lines,
    "reconciliations.get": _simple(lambda s, day: s.reconciliations.get(day), _DAYS),
    "reconciliations.save": Player.save_run,
    "reconciliations.finished": lambda _: lambda side: side.store.reconciliations.finished(_DAYS),
    "records.get": _with_now(lambda s, key, now: s.records.get(key, now), KEYS),
    "records.answer": _answer,
    "records.told_unknown": _told,
    "records.seen": _simple(lambda s, each: s.records.seen(each), SEEN),
    "records.see": _with_now(lambda s, each, now: s.records.see(each, now), SEEN),
    "users.get": _simple(lambda s, each: s.users.get(each), USERS),
    "users.begin_customer": _with_now(lambda s, each, now: s.users.begin_customer(each, now), USERS),
    "users.wish_anew": Player.wish_anew,
    "users.settle_customer": _of(lambda s, *a: s.users.settle_customer(*a), USERS, ("cus_1", "cus_2")),
    "users.cards": _simple(lambda s, each: s.users.cards(each), USERS),
    "users.default_card": _default_card,
    "users.card": _of(lambda s, *a: s.users.card(*a), USERS, CARDS),
    "users.add_card": _add_card,
    "users.make_default": _of(lambda s, *a: s.users.make_default(*a), USERS, CARDS),
    "users.begin_detaching": _with_now(lambda s, *a: s.users.begin_detaching(*a), USERS, CARDS),
    "users.keep_after_all": _of(lambda s, *a: s.users.keep_after_all(*a), USERS, CARDS),
    "users.remove_card": _of(lambda s, *a: s.users.remove_card(*a), USERS, CARDS),
    "owners": _owners,
    "rate limit": Player.take,
}  # fmt: skip
WEIGHTS: Final = {
    "bookings.commit": 14,
    "events.put": 5,
    "log.between": 3,
    "rate limit": 3,
    "records.answer": 2,
    "users.add_card": 3,
}


def public_methods() -> Iterator[str]:
    """Everything that can be asked of the store."""
    store = Store(None, Settings(variables()))  # type: ignore[arg-type]
    for part in vars(store):
        for name, method in vars(type(getattr(store, part))).items():
            if callable(method) and not name.startswith("_"):
                yield f"{part}.{name}"
