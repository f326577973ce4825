"""Ways to break the protocol by which money moves, each a change of some words in the source, and what has to notice.

Each is a mistake that somebody could make, or believe to be an improvement. `make mutations` makes them one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "layers" / "holdfast" / "holdfast"

_COMMIT: Final = "tests/integration/test_commit.py"
_CRASHES: Final = "tests/simulation/test_crash_points.py"
_ORDERS: Final = "tests/simulation/test_event_orders.py"
_RECOVERY: Final = "tests/integration/test_recovery.py"


@dataclass(frozen=True)
class Mutation:
    """`old` stands once in `module`; with `new` in its place one of `tests` (pytest's arguments, each run on its own)
    has to fail.
    """

    name: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def source(self) -> Path:
        return PACKAGE / self.module


MUTATIONS: Final = (
    Mutation(
        "a booking is written whatever was written since it was read",
        "store/commit.py",
        'put["ConditionExpression"] = "version = :read"',
        'put["ConditionExpression"] = "version = :read OR attribute_exists(booking_id)"',
        (_COMMIT,),
    ),
    Mutation(
        "a line of the log can be written over",
        "store/commit.py",
        '        "ConditionExpression": "attribute_not_exists(booking_id)",\n    }\n'
        '    return {"Put": put}, ConcurrentChange',
        '    }\n    return {"Put": put}, ConcurrentChange',
        (_COMMIT,),
    ),
    Mutation(
        "the request's record is not written with what it begins",
        "store/commit.py",
        "    if commit.record is not None:\n",
        "    if commit.record is not None and commit.before_version is not None:\n",
        ("tests/integration/test_idempotency.py",),
    ),
    Mutation(
        "whoever settles writes, though somebody has settled before",
        "operations.py",
        "            if booking.under_way(operation.operation_id) is None:\n",
        "            if booking.under_way(operation.operation_id) is None and not booking.hold:\n",
        (f"{_RECOVERY} -k second",),
    ),
    Mutation(
        "an operation is taken from whoever is at it",
        "operations.py",
        "        if now < operation.lease_until:\n",
        "        if now < operation.started_at:\n",
        (f"{_RECOVERY} -k lease",),
    ),
    Mutation(
        "the idempotency key changes with every try",
        "effects.py",
        '    return operation.operation_id if number == 1 else f"{operation.operation_id}:{number}"',
        "    return f\"{operation.operation_id}:{__import__('secrets').token_hex(4)}\"",
        ("tests/unit/test_effects.py", _RECOVERY),
    ),
    Mutation(
        "an answer that never came is taken for a failure",
        "effects.py",
        "            if not unknown.answered:\n                return None\n",
        '            if not unknown.answered:\n                return Refused("no_answer", "No answer.", None)\n',
        ("tests/unit/test_effects.py", _RECOVERY),
    ),
    Mutation(
        "recovery tries again without looking first",
        "effects.py",
        "    waited = now - operation.started_at\n    found = look(gateway, booking, operation)\n",
        "    waited = now - operation.started_at\n    found: Verdict | Found = Found.ABSENT\n",
        ("tests/unit/test_effects.py", _RECOVERY),
    ),
    Mutation(
        "after a day the first key is used again",
        "effects.py",
        "first_key=1 if waited < KEY_IS_SAFE else 2",
        "first_key=1",
        ("tests/unit/test_effects.py", _RECOVERY),
    ),
    Mutation(
        "an event is remembered before it is applied",
        "desk/stripe_events.py",
        "    booking = _booking_of(desk, hint)\n",
        "    desk.store.records.see(hint.event_id, desk.clock())\n    booking = _booking_of(desk, hint)\n",
        ("tests/integration/test_stripe_events.py", _ORDERS),
    ),
    Mutation(
        "a refund counts each time it is told",
        "booking.py",
        "    if all(known.refund_id != refund.refund_id for known in booking.refunds):\n"
        "        return replace(booking, refunds=(",
        "    if booking.refunds is not None:\n        return replace(booking, refunds=(",
        ("tests/unit/test_booking.py", "tests/unit/test_reconcile.py"),
    ),
    Mutation(
        "a release of a hold is booked as a refund",
        "reconcile.py",
        "    if booking.captured > 0:\n        for refund",
        "    if booking.captured >= 0:\n        for refund",
        ("tests/unit/test_reconcile.py", "tests/integration/test_stripe_events.py"),
    ),
    Mutation(
        "a sweep reads one page",
        "store/paging.py",
        "        if not start:\n            return\n",
        "        return\n",
        ("tests/integration/test_listings.py", "tests/simulation/test_memory_tables.py"),
    ),
    Mutation(
        "the clock's index is not kept",
        "store/items.py",
        '        "due_at": sortable(due) if due else None,\n        "attention"',
        '        "due_at": sortable(booking.created_at) if due else None,\n        "attention"',
        (f"{_CRASHES} -k 'cancel and early'", "tests/integration/test_a_booking_lives.py"),
    ),
    Mutation(
        "whoever was checked in is a no-show all the same",
        "next_step.py",
        "    if booking.checked_in_at is not None:\n        return _attended(booking, now)\n",
        "",
        ("tests/unit/test_next_step.py",),
    ),
    Mutation(
        "silence of the venue is a no-show",
        "no_show.py",
        "            return event is not None and event.arrivals > 0\n",
        "            return True\n",
        ("tests/unit/test_no_show.py",),
    ),
    Mutation(
        "a contest stops nothing",
        "no_show.py",
        "    if booking.contest_undecided:\n        return _contested(booking, now)\n",
        "",
        ("tests/unit/test_no_show.py",),
    ),
    Mutation(
        "the wish to cancel counts when it is carried out",
        "movements.py",
        "        now=booking.cancel_requested_at,\n",
        "        now=booking.updated_at,\n",
        (
            "tests/unit/test_next_step.py",
            "tests/unit/test_cancellation_quotes.py",
            "tests/integration/test_policies.py",
        ),
    ),
    Mutation(
        "a refund is held against what was captured, not against what is left",
        "refund_rules.py",
        "    if amount > booking.refundable:\n",
        "    if amount > booking.captured:\n",
        ("tests/unit/test_refund_rules.py",),
    ),
    Mutation(
        "a hard decline is tried again",
        "declines.py",
        "    return Severity.SOFT if code in _SOFT else Severity.HARD\n",
        "    return Severity.SOFT\n",
        ("tests/unit/test_declines.py", "tests/unit/test_placing.py"),
    ),
    Mutation(
        "a renewal lets the old hold go first",
        "hold_settlement.py",
        "        superseded=_dropped(booking, hold.payment_intent_id),\n        payment_method_id",
        "        superseded=booking.superseded,\n        payment_method_id",
        ("tests/unit/test_hold_settlement.py", "tests/integration/test_later_holds.py"),
    ),
    Mutation(
        "a forged event is taken",
        "webhook_signature.py",
        "hmac.compare_digest(expected, signature.encode())",
        "bool(expected)",
        ("tests/unit/test_webhook_signature.py",),
    ),
)
