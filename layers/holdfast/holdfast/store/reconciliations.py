"""How far each day's reconciliation has come, one item a day, and with it what was found: progress and report are one
write.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from pydantic import TypeAdapter

from holdfast.reconciliation import Run
from holdfast.store.conditions import ConcurrentChange
from holdfast.store.items import marshal, unmarshal
from holdfast.store.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Longer than disputes and refunds take to show; the log keeps for good whatever was taken in.
REPORT_LIFE: Final = timedelta(days=90)


@cache
def _runs() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


def _key(day: date) -> str:
    return f"reconciliation#{day.isoformat()}"


class Reconciliations:
    def __init__(self, client: DynamoDBClient, tables: Tables) -> None:
        self._client = client
        self._tables = tables

    def get(self, day: date) -> Run | None:
        answer = self._client.get_item(
            TableName=self._tables.idempotency, Key=marshal({"key": _key(day)}), ConsistentRead=True
        )
        item = answer.get("Item")
        return _runs().validate_python(unmarshal(item)["run"]) if item else None

    def save(self, run: Run) -> Run:
        """Its next version. Raises ConcurrentChange where another run of the same day has saved meanwhile."""
        saved = replace(run, version=run.version + 1)
        ends = run.started_at + REPORT_LIFE
        item: dict[str, Any] = {
            "key": _key(run.day),
            "version": saved.version,
            "run": _runs().dump_python(saved, mode="json"),
            "expires_at": int(ends.timestamp()),
        }
        new = "attribute_not_exists(#key)"
        try:
            self._client.put_item(
                TableName=self._tables.idempotency,
                Item=marshal(item),
                ConditionExpression=new if run.version == 0 else "attribute_exists(#key) AND version = :read",
                ExpressionAttributeNames={"#key": "key"},
                **({"ExpressionAttributeValues": marshal({":read": run.version})} if run.version else {}),  # type: ignore[arg-type]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ConcurrentChange("another run of the same day") from error
        return saved

    def finished(self, days: Iterable[date]) -> set[date]:
        """Those of these days that were reconciled to their end."""
        return {day for day in days if (run := self.get(day)) is not None and run.finished}
