"""What can go wrong with one call that leaves a function, and how it looks from inside it.

A trouble is one word; what it means depends on who was called. DynamoDB's are what is left when botocore's own
repetitions are over; Stripe's are single answers, because the SDK's repetitions are off and ours are what is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import stripe
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from requests.exceptions import ConnectTimeout

from local.stripe_simulator.simulator import Simulator
from local.stripe_simulator.wire import Answer, Request
from tests.crash import Died
from tests.simulation.memory_tables import cancelled, client_error
from tests.simulation.stage import Invocation, Stage

TROUBLES: Final[Mapping[str, str]] = {
    "refused": "turned away by a limit, not executed",
    "conflict": "turned away because somebody else is at it, not executed",
    "failed": "a server error, not executed",
    "failed after": "a server error, although it was executed",
    "unavailable": "503, not executed",
    "unreachable": "no connection, never sent",
    "unheard": "sent, never executed, no answer",
    "lost": "executed, the answer is lost",
    "late": "no answer in time, and executed after that",
    "twice": "sent twice by the network or the client's own repetition",
    "slow": "takes some seconds",
    "dies before": "the process dies before the call",
    "dies after": "the process dies before it reads the answer",
    "hangs": "no answer until Lambda stops the function",
}
_STRIPE_WAITS: Final = 6.0  # the SDK's timeout, as stripe_gateway.client sets it
_AWS_WAITS: Final = 4.0  # botocore's, as bootstrap sets it
# Whoever executes late does so before the lease of its operation can end: 18 s to the last try, 6 s of waiting, these.
_STRIPE_LATE: Final = (0.1, 5.0)
_AWS_LATE: Final = (0.01, 2.0)
_PASSED_ON: Final[Mapping[str, str]] = {
    "refused": "rate_limit",
    "conflict": "lock_timeout",
    "failed": "fail_before",
    "failed after": "fail_after",
    "unavailable": "unavailable",
}


@dataclass
class StripeCall:
    """One request on its way to the simulator."""

    simulator: Simulator
    request: Request
    under_way: set[str]
    """The keys of requests that will be executed late: Stripe calls these in use."""

    def __call__(self) -> Answer:
        key = self.request.header("idempotency-key")
        if key is not None and key in self.under_way:
            return self.faulty("conflict")
        return self.simulator.handle(self.request)

    def faulty(self, kind: str) -> Answer:
        self.simulator.add_fault(kind)
        answer = self.simulator.handle(self.request)
        self.simulator.control("DELETE", "/_simulator/faults")
        return answer


def befall(stage: Stage, invocation: Invocation, kind: str, service: str, name: str, call: Callable[[], Any]) -> Any:
    """The call under this trouble: its answer, or what is raised in its place."""
    if kind == "dies before":
        raise Died(f"before {name}")
    if kind == "dies after":
        try:
            call()
        finally:
            raise Died(f"after {name}")
    if kind == "hangs":
        if invocation.rng.random() < 0.5:
            call()
        stage.sleep(max(0.0, invocation.deadline - stage.now) + 1)
    if isinstance(call, StripeCall):
        return _at_stripe(stage, invocation, kind, call)
    return _at_aws(stage, invocation, kind, service, name, call)


def _at_stripe(stage: Stage, invocation: Invocation, kind: str, call: StripeCall) -> Answer:
    if kind in _PASSED_ON:
        return call.faulty(_PASSED_ON[kind])
    if kind == "slow":
        stage.sleep(invocation.rng.uniform(1.0, _STRIPE_WAITS - 1.3))
        return call()
    if kind == "twice":
        call()
        return call()
    if kind == "unreachable":
        stage.sleep(2.0)
        raise _no_answer("no connection") from ConnectTimeout("no connection")
    if kind == "lost":
        call()
    if kind == "late":
        _execute_later(stage, call, stage.now + _STRIPE_WAITS + invocation.rng.uniform(*_STRIPE_LATE))
    stage.sleep(_STRIPE_WAITS)
    raise _no_answer("the answer did not come in time")


def _execute_later(stage: Stage, call: StripeCall, moment: float) -> None:
    key = call.request.header("idempotency-key")

    def arrive() -> None:
        if key is not None:
            call.under_way.discard(key)
        call.simulator.handle(call.request)

    if key is not None:
        call.under_way.add(key)
    stage.alarm(moment, arrive)


def _no_answer(why: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(why, should_retry=True)


def _at_aws(stage: Stage, invocation: Invocation, kind: str, service: str, name: str, call: Callable[[], Any]) -> Any:
    if kind == "refused":
        raise _refusal(service, name)
    if kind == "conflict":
        return _conflict(name, call)
    if kind in ("failed", "failed after", "unavailable"):
        if kind == "failed after":
            call()
        raise client_error(_operation(name), "InternalServerError", "Internal server error")
    if kind == "slow":
        stage.sleep(invocation.rng.uniform(0.5, _AWS_WAITS - 0.1))
        return call()
    if kind == "twice":
        first = call()
        return first if name == "transact_write_items" else call()  # botocore sends a transaction under one token
    if kind == "unreachable":
        stage.sleep(2.0)
        raise EndpointConnectionError(endpoint_url=service)
    if kind == "lost":
        call()
    if kind == "late":
        stage.alarm(stage.now + _AWS_WAITS + invocation.rng.uniform(*_AWS_LATE), lambda: _quietly(call))
    stage.sleep(_AWS_WAITS)
    raise ReadTimeoutError(endpoint_url=service)


def _quietly(call: Callable[[], Any]) -> None:
    with suppress(ClientError):  # a condition that does not hold any more: nobody hears of it
        call()


def _refusal(service: str, name: str) -> ClientError:
    if service != "dynamodb":
        return client_error(_operation(name), "ThrottlingException", "Rate exceeded")
    if name == "transact_write_items":
        return _cancelled("ThrottlingError")
    return client_error(_operation(name), "ProvisionedThroughputExceededException", "Rate exceeded")


def _conflict(name: str, call: Callable[[], Any]) -> Any:
    """Only writes meet somebody else's transaction."""
    if name == "transact_write_items":
        raise _cancelled("TransactionConflict")
    if name in ("put_item", "update_item", "delete_item"):
        raise client_error(_operation(name), "TransactionConflictException", "Transaction is ongoing for the item")
    return call()


def _cancelled(code: str) -> ClientError:
    refusal = cancelled([code, None])
    return client_error("TransactWriteItems", refusal.code, refusal.message, **refusal.more)


def _operation(name: str) -> str:
    return "".join(word.title() for word in name.split("_"))
