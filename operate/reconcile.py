"""`python -m operate.reconcile --from 2026-11-01 --to 2026-11-30`: compares Stripe with the book for any UTC days.

The same comparison as the nightly function's, whatever that has done before, and without its progress. It only reads,
unless `--mend` asks it to adopt what the rules allow and to put the rest on the staff's list. `--report` shows what the
nightly function kept of a day instead. Stripe lists events for 30 days: of older days it only shows what was made or
moved then.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from holdfast.budget import Budget
from holdfast.clock import Clock, remote_clock, system_clock
from holdfast.desk import Desk
from holdfast.desk.comparing import Comparer
from holdfast.desk.messages import Steps
from holdfast.desk.reconciling import Reconciler, in_turn, reconcile
from holdfast.differences import Difference
from holdfast.log import Origin
from holdfast.pace import Pace
from holdfast.policy import DEFAULT
from holdfast.reconciliation import Run, State, named, report, summary
from holdfast.settings import Settings
from holdfast.store import Store
from holdfast.stripe_gateway import StripeGateway, client
from holdfast.stripe_lists import StripeLists
from operate.target import Target, add_arguments, chosen

# Nobody stops a command after five minutes.
_FOREVER = float("inf")


@dataclass
class Memory:
    """Progress that lasts as long as the command."""

    runs: dict[date, Run] = field(default_factory=dict)

    def get(self, day: date) -> Run | None:
        return self.runs.get(day)

    def save(self, run: Run) -> Run:
        self.runs[run.day] = run
        return run

    def finished(self, days: Iterable[date]) -> set[date]:
        return {day for day in days if day in self.runs and self.runs[day].finished}


def main() -> int:
    """0: nothing differs, or everything was adopted. 1: something is left, and was named."""
    parser = argparse.ArgumentParser(prog="operate.reconcile", description=__doc__)
    add_arguments(parser)
    parser.add_argument(
        "--from", dest="first", type=date.fromisoformat, help="the first day (UTC); yesterday if left out"
    )
    parser.add_argument("--to", dest="last", type=date.fromisoformat, help="the last day, that one too; else the first")
    parser.add_argument("--mend", action="store_true", help="adopt what the rules allow, list the rest for staff")
    parser.add_argument("--report", action="store_true", help="show what the nightly function kept of these days")
    parser.add_argument("--json", action="store_true", help="one JSON object a day")
    arguments = parser.parse_args()
    target = chosen(arguments)
    store = _store(target)
    clock = remote_clock(target.clock_url) if target.clock_url else system_clock
    first = arguments.first or (clock() - timedelta(days=1)).date()
    days = list(_days(first, arguments.last or first))
    if arguments.report:
        return show(((day, store.reconciliations.get(day)) for day in days), as_json=arguments.json)
    reconciler = build(target, store, clock, mends=arguments.mend)
    return show(((day, reconcile(reconciler, day)) for day in days), as_json=arguments.json)


def show(runs: Iterable[tuple[date, Run | None]], *, as_json: bool = False) -> int:
    """Each day as soon as it is there; 1 if anything in them is not mended, or was not compared."""
    left = 0
    for day, run in runs:
        if run is None:
            print(json.dumps({"day": day.isoformat(), "finished": False}) if as_json else f"{day}: not compared")
            left += 1
            continue
        left += sum(each.state is not State.ADOPTED for each in run.findings) + sum(run.unnamed.values())
        left += not run.finished
        print(json.dumps(report(run)) if as_json else "\n".join(_lines(run)), flush=True)
    return 1 if left else 0


def _lines(run: Run) -> Iterator[str]:
    told = summary(run)
    state = "" if run.finished else ", not finished"
    yield f"{run.day}: {told['objects']} objects at Stripe, {told['lines']} lines, {told['looks']} looked at{state}"
    for currency, totals in sorted(run.totals.items()):
        flows = (
            f"{what} {each.log} in the log, {each.stripe} at Stripe"
            + (f" ({each.log_elsewhere} and {each.stripe_elsewhere} on other days)" if _elsewhere(each) else "")
            for what, each in (("captured", totals.captured), ("refunded", totals.refunded))
        )
        yield f"  {currency}: {'; '.join(flows)}; disputed {totals.disputed}; Stripe's fees {totals.fees}"
    for finding in run.findings:
        yield f"  {finding.state}: {_sentence(finding.difference)}"
    for kind, count in run.unnamed.items():
        yield f"  and {count} more of {kind}"


def _elsewhere(each: Any) -> bool:
    return bool(each.log_elsewhere or each.stripe_elsewhere)


def _sentence(difference: Difference) -> str:
    told = named(difference)
    amounts = [f"{side} {told[side]} {told['currency']}" for side in ("book", "stripe") if told[side] is not None]
    return ", ".join(
        each for each in (told["kind"], told["booking_id"], told["stripe_id"], *amounts, told["detail"]) if each
    )


def build(target: Target, store: Store, clock: Clock, *, mends: bool) -> Reconciler:
    """The nightly function's parts, with the rights of whoever runs the command."""
    names = target.resources()
    secret = target.client("secretsmanager").get_secret_value(SecretId=names["StripeSecret"])["SecretString"]
    stripe = client(json.loads(secret)["secret_key"], target.stripe_url)
    turn = in_turn(Pace(), lambda: _FOREVER)
    request_id = f"reconcile-{uuid.uuid4()}"

    def desk() -> Desk:
        return Desk(
            store=store,
            clock=clock,
            new_id=lambda prefix: f"{prefix}_{uuid.uuid4().hex}",
            budget=Budget(),
            make_gateway=lambda budget: StripeGateway(stripe, target.stack_name, budget),
            make_steps=_no_steps,
            default_policy=lambda: DEFAULT,
            origin=Origin(request_id),
        )

    return Reconciler(
        comparer=Comparer(desk=desk, lists=StripeLists(stripe, target.stack_name, budget=Budget, turn=turn), turn=turn),
        progress=Memory(),
        clock=clock,
        seconds_left=lambda: _FOREVER,
        go_on=lambda _: None,
        tell=lambda *_: None,
        report=lambda _: None,
        mends=mends,
    )


def _no_steps() -> Steps:
    raise AssertionError("comparing queues nothing")


def _store(target: Target) -> Store:
    names = target.resources()
    tables = {
        "BOOKINGS_TABLE": names["BookingsTable"],
        "TRANSACTIONS_TABLE": names["TransactionsTable"],
        "IDEMPOTENCY_TABLE": names["IdempotencyTable"],
    }
    return Store(target.client("dynamodb"), Settings(tables))


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


if __name__ == "__main__":
    sys.exit(main())
