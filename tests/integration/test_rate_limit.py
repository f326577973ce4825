"""The token bucket: exact under concurrency, and what a bucket is by its model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from holdfast.caller import Caller, Role
from holdfast.errors import RateLimited
from holdfast.rate_limit import CARDS, MONEY, READS, Bucket, RateLimiter
from holdfast.settings import Settings

ALICE = Caller("did:privy:alice", Role.CUSTOMER, 0)
BOB = Caller("did:privy:bob", Role.CUSTOMER, 0)
STAFF_ALICE = Caller("did:privy:alice", Role.STAFF, 0)
START = datetime(2026, 11, 23, 20, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class OneAtATime:
    """DynamoDB serialises the writes to one item; moto does not, between threads. The calls are counted."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            with self._lock:
                self.calls += 1
                return getattr(self._client, name)(**arguments)

        return call


@pytest.fixture
def client(monkeypatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        client.create_table(
            TableName="idempotency",
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield OneAtATime(client)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(client, clock) -> RateLimiter:
    return RateLimiter(client, "idempotency", {READS: 120, CARDS: 7, MONEY: 10}, clock)


def passed(limiter, tries, operations=MONEY, caller=ALICE) -> int:
    count = 0
    for _ in range(tries):
        try:
            limiter.take(operations, caller)
        except RateLimited:
            continue
        count += 1
    return count


def test_a_bucket_is_as_deep_as_its_size_and_then_says_when_to_come_back(limiter):
    assert passed(limiter, 10) == 10
    with pytest.raises(RateLimited) as limited:
        limiter.take(MONEY, ALICE)

    assert limited.value.retry_after == 6


def test_after_the_time_it_names_a_call_passes_again(limiter, clock):
    passed(limiter, 10)
    clock.advance(5.5)
    with pytest.raises(RateLimited) as limited:
        limiter.take(MONEY, ALICE)
    assert limited.value.retry_after == 1
    clock.advance(limited.value.retry_after)

    assert passed(limiter, 5) == 1


def test_after_a_minute_the_bucket_is_full_again(limiter, clock):
    passed(limiter, 10)
    clock.advance(60)

    assert passed(limiter, 20) == 10


def test_refused_calls_cost_nothing(limiter, clock):
    passed(limiter, 500)
    clock.advance(6)

    assert passed(limiter, 5) == 1


def test_callers_roles_and_classes_have_buckets_of_their_own(limiter):
    passed(limiter, 10)

    assert passed(limiter, 12, caller=BOB) == 10
    assert passed(limiter, 12, caller=STAFF_ALICE) == 10
    assert passed(limiter, 12, operations=CARDS) == 7


def test_the_common_path_is_one_write(limiter, client):
    limiter.take(MONEY, ALICE)

    assert client.calls == 1


@pytest.mark.parametrize("jump", [-7 * 86_400, -3600, 30 * 86_400])
def test_when_time_is_moved_nobody_is_locked_out(limiter, clock, jump):
    passed(limiter, 10)
    clock.advance(jump)

    assert passed(limiter, 20) == 10


def test_a_clock_that_is_a_little_behind_gives_no_second_bucket(limiter, clock):
    passed(limiter, 10)
    clock.advance(-30)

    assert passed(limiter, 20) == 0


def test_under_concurrency_exactly_as_many_pass_as_there_are_tokens(limiter):
    barrier, results = threading.Barrier(16), []

    def rush() -> None:
        barrier.wait()
        results.append(passed(limiter, 4))

    threads = [threading.Thread(target=rush) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(results) == 10


def test_the_item_expires_long_after_it_matters(limiter, client, clock):
    limiter.take(MONEY, ALICE)

    key = {"key": {"S": "bucket#money#customer#did:privy:alice"}}
    item = client.get_item(TableName="idempotency", Key=key)["Item"]
    assert int(item["expires_at"]["N"]) == int(START.timestamp()) + 3600


def test_a_bucket_that_expires_between_two_writes_is_a_new_one(client, clock):
    class Deleting:
        """TTL deletes the item just after it stood in the way of the first write."""

        def update_item(self, **arguments: Any) -> Any:
            if "BETWEEN" in arguments["ConditionExpression"]:
                client.delete_item(TableName=arguments["TableName"], Key=arguments["Key"])
            return client.update_item(**arguments)

    deleting: Any = Deleting()

    assert passed(RateLimiter(deleting, "idempotency", {MONEY: 2}, clock), 5) == 5


def test_other_failures_of_the_table_are_not_taken_for_a_refusal(client, clock):
    broken = RateLimiter(client, "no-such-table", {MONEY: 10}, clock)

    with pytest.raises(client._client.exceptions.ResourceNotFoundException):
        broken.take(MONEY, ALICE)


def test_sizes_and_table_come_from_the_environment(client, clock):
    settings = Settings(
        {
            "IDEMPOTENCY_TABLE": "idempotency",
            "RATE_LIMIT_READS_PER_MINUTE": "3",
            "RATE_LIMIT_CARDS_PER_MINUTE": "2",
            "RATE_LIMIT_MONEY_PER_MINUTE": "1",
        }
    )

    limiter = RateLimiter.of(client, settings, clock)

    assert [passed(limiter, 5, operations=each) for each in (READS, CARDS, MONEY)] == [3, 2, 1]


@given(st.integers(1, 200), st.lists(st.integers(0, 90_000), max_size=60))
def test_the_bucket_is_a_bucket(per_minute, pauses):
    """Against a bucket kept as a level: `level` is in ms of refill, a token is worth one interval."""
    bucket = Bucket(per_minute)
    now, arrival, level = 1_800_000_000_000, None, bucket.depth_ms
    for pause in pauses:
        now += pause
        level = min(bucket.depth_ms, level + pause)
        arrival, wait = bucket.take(arrival, now)
        if level >= bucket.interval_ms:
            assert wait == 0
            level -= bucket.interval_ms
        else:
            assert wait == bucket.interval_ms - level


@given(st.integers(1, 200), st.lists(st.integers(0, 500), min_size=300, max_size=300))
def test_no_minute_lets_more_than_the_bucket_and_its_refill_pass(per_minute, pauses):
    bucket = Bucket(per_minute)
    now, arrival, times = 1_800_000_000_000, None, []
    for pause in pauses:
        now += pause
        arrival, wait = bucket.take(arrival, now)
        if wait == 0:
            times.append(now)

    for first in times:
        assert sum(first <= time < first + 60_000 for time in times) <= 2 * per_minute
