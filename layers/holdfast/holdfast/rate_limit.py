"""A token bucket per caller and class of operation, exact under concurrency, in one conditional write.

The bucket is kept as its theoretical arrival time (GCRA): the instant, in milliseconds, at which it will be full again.
A call moves that instant one interval further, and is refused if the bucket were then more than its depth from full.
That is a bucket of `per_minute` tokens that regains one every 60 / per_minute seconds, in a single number, so that a
single write both checks and takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from holdfast.caller import Caller
from holdfast.errors import RateLimited

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from holdfast.settings import Settings


class OperationClass(StrEnum):
    READS = "reads"
    CARDS = "cards"
    MONEY = "money"


READS: Final = OperationClass.READS
CARDS: Final = OperationClass.CARDS
MONEY: Final = OperationClass.MONEY

_MINUTE_MS: Final = 60_000
# Two machines' clocks differ by less. An arrival time beyond a full bucket and this was written before the clock was
# set back: such a bucket counts as new, or its owner would be locked out until time has caught up.
_CLOCK_SKEW_MS: Final = 60_000
# A bucket is full after a minute and then says nothing; the hour outlasts clocks that are moved.
_KEEP_SECONDS: Final = 3_600


@dataclass(frozen=True, slots=True)
class Bucket:
    """The pure part: when a bucket of `per_minute` tokens lets a call pass. All times in epoch milliseconds."""

    per_minute: int

    @property
    def interval_ms(self) -> int:
        """Rounded up, so that no minute ever lets more than one bucket and its refill pass."""
        return -(-_MINUTE_MS // self.per_minute)

    @property
    def depth_ms(self) -> int:
        return self.interval_ms * self.per_minute

    def is_new(self, arrival_ms: int | None, now_ms: int) -> bool:
        """Never used, full again, or left by a clock that was set back."""
        return arrival_ms is None or arrival_ms < now_ms or arrival_ms > now_ms + self.depth_ms + _CLOCK_SKEW_MS

    def last_free_ms(self, now_ms: int) -> int:
        """The latest arrival time that still leaves a token."""
        return now_ms + self.depth_ms - self.interval_ms

    def take(self, arrival_ms: int | None, now_ms: int) -> tuple[int, int]:
        """The arrival time after one call, and how long to wait in ms: 0 if the call passes."""
        if arrival_ms is None or self.is_new(arrival_ms, now_ms):
            return now_ms + self.interval_ms, 0
        if arrival_ms <= self.last_free_ms(now_ms):
            return arrival_ms + self.interval_ms, 0
        return arrival_ms, arrival_ms - self.last_free_ms(now_ms)


class RateLimiter:
    """The buckets of all callers, in the idempotency table."""

    def __init__(
        self, client: DynamoDBClient, table: str, per_minute: Mapping[OperationClass, int], now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._table = table
        self._buckets = {operations: Bucket(size) for operations, size in per_minute.items()}
        self._now = now

    @classmethod
    def of(cls, client: DynamoDBClient, settings: Settings, now: Callable[[], datetime]) -> RateLimiter:
        """Sizes and table from the environment."""
        sizes = {each: settings.integer(f"RATE_LIMIT_{each.name}_PER_MINUTE") for each in OperationClass}
        return cls(client, settings["IDEMPOTENCY_TABLE"], sizes, now)

    def take(self, operations: OperationClass, caller: Caller) -> None:
        """Takes one token. Raises RateLimited with the whole seconds until the next one."""
        bucket, key = self._buckets[operations], f"bucket#{operations}#{caller.role}#{caller.subject}"
        now_ms = int(self._now().timestamp() * 1000)
        # Most callers are slow: their bucket is full, and the first write takes from it.
        passed, arrival_ms = self._take_from_new(bucket, key, now_ms)
        while not passed:
            wait_ms = bucket.take(arrival_ms, now_ms)[1]
            if wait_ms > 0:
                raise RateLimited(-(-wait_ms // 1000))
            if bucket.is_new(arrival_ms, now_ms):
                passed, arrival_ms = self._take_from_new(bucket, key, now_ms)
            else:
                passed, arrival_ms = self._take_from_used(bucket, key, now_ms)

    def _take_from_new(self, bucket: Bucket, key: str, now_ms: int) -> tuple[bool, int | None]:
        return self._write(
            key,
            now_ms,
            "SET arrival_ms = :arrival, expires_at = :expires",
            "attribute_not_exists(arrival_ms) OR arrival_ms < :now OR arrival_ms > :impossible",
            {
                ":arrival": now_ms + bucket.interval_ms,
                ":now": now_ms,
                ":impossible": now_ms + bucket.depth_ms + _CLOCK_SKEW_MS,
            },
        )

    def _take_from_used(self, bucket: Bucket, key: str, now_ms: int) -> tuple[bool, int | None]:
        return self._write(
            key,
            now_ms,
            "SET arrival_ms = arrival_ms + :interval, expires_at = :expires",
            "arrival_ms BETWEEN :now AND :last",
            {":interval": bucket.interval_ms, ":now": now_ms, ":last": bucket.last_free_ms(now_ms)},
        )

    def _write(
        self, key: str, now_ms: int, update: str, condition: str, values: Mapping[str, int]
    ) -> tuple[bool, int | None]:
        """Whether the write was done; if not, the arrival time that stood in its way."""
        numbers = {**values, ":expires": now_ms // 1000 + _KEEP_SECONDS}
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"key": {"S": key}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: {"N": str(number)} for name, number in numbers.items()},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # The refusal brings what stood there, so a function need not be allowed to read the table.
            refused: Any = error.response
            return False, _arrival(refused.get("Item", {}))
        return True, None


def _arrival(item: Mapping[str, Any]) -> int | None:
    return int(item["arrival_ms"]["N"]) if "arrival_ms" in item else None
