"""The stream of the log: counts holds, declines, captures, releases and refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast import measures, telemetry
from holdfast.store.items import unmarshal


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Records are counted in order; the first that cannot be read is where the batch starts again."""
    with telemetry.request("log", context, records=len(event["Records"])):
        for record in event["Records"]:
            try:
                _count(record["dynamodb"])
            except Exception as error:  # noqa: BLE001 - whatever it is, the record goes back and the alarm hears of it
                telemetry.failed(error)
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def _count(change: Mapping[str, Any]) -> None:
    if "NewImage" not in change:
        return  # a deletion; nothing deletes lines but a person
    counted = measures.count(unmarshal(change["NewImage"])["line"])
    if counted is None:
        return
    dimensions = {"currency": counted.currency} | ({"reason": counted.reason} if counted.reason else {})
    telemetry.count(counted.name, dimensions=dimensions)
    telemetry.count(f"{counted.name}Amount", counted.amount, dimensions={"currency": counted.currency})
