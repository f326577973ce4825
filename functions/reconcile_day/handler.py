"""EventBridge, nightly, and SQS where a day is long: compares the day that is over at Stripe with the book."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from holdfast import bootstrap, records, telemetry
from holdfast.desk.reconciling import nightly
from holdfast.differences import Difference
from holdfast.reconciliation import Run, named, summary
from holdfast.store import ConcurrentChange


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    def go_on(_body: str, request_id: str | None) -> None:
        """The schedule, a long day's message and a person's call all ask for the same: whatever is not compared yet."""
        reconciler = bootstrap.reconciler(
            request_id,
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
            tell=_tell,
            report=_report,
        )
        try:
            runs = nightly(reconciler)
        except ConcurrentChange:
            telemetry.annotate(stopped="another run is further")
            return
        telemetry.annotate(days=[run.day.isoformat() for run in runs], finished=sum(run.finished for run in runs))

    if "Records" in event:
        return records.each(event, context, "reconcile", go_on)
    with telemetry.request("reconcile", context):
        go_on("", getattr(context, "aws_request_id", None))
    return {}


def _tell(day: date, difference: Difference) -> None:
    telemetry.note("difference", warning=True, day=day.isoformat(), **named(difference))


def _report(run: Run) -> None:
    telemetry.note("reconciled", warning=run.left > 0, **summary(run))
    for drift, count in run.by_drift.items():
        telemetry.count("Differences", count, dimensions={"kind": drift})
    telemetry.count("DifferencesLeft", run.left)
