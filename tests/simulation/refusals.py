"""Which troubles a call can meet at a crash point, beside those of `troubles` the answers that a service gives once in
a blue moon: part of a batch refused, a wrong key, a key that belongs to another request, a bank that says no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from local.stripe_simulator.wire import Answer
from tests.simulation.deployment import Deployment
from tests.simulation.memory_tables import client_error
from tests.simulation.stage import Invocation, Stage
from tests.simulation.troubles import StripeCall, befall

_ANYWHERE: Final = ("dies before", "dies after", "lost", "twice", "late", "unheard", "unreachable")
_OF_TABLES: Final = ("refused", "throttled", "failed", "failed after")
_OF_WRITES: Final = ("conflict",)
_OF_QUEUES: Final = ("refused", "failed", "failed after")
_OF_BATCHES: Final = ("partly refused",)
_OF_STRIPE: Final = ("refused", "conflict", "in use", "failed", "failed after", "unavailable", "unauthorized")
_OF_POSTS: Final = ("idempotency error",)
_OF_CARDS: Final = ("declined", "declined for good")
# Nobody's process fails in these: somebody says no, and a booking may end by it.
NOS: Final = frozenset({*_OF_POSTS, *_OF_CARDS, "unauthorized"})
MEANINGS: Final[Mapping[str, str]] = {
    "throttled": "ThrottlingException, not executed",
    "partly refused": "the last of the batch is not taken",
    "in use": "409, the idempotency key is in use, not executed",
    "unauthorized": "401, not executed",
    "idempotency error": "400, the key belongs to another request, not executed",
    "declined": "402, no money just now",
    "declined for good": "402, the card was lost",
}
# What the first run of every flow tries: a process that dies on either side, and an answer that is lost.
CRASHES: Final = ("dies before", "dies after", "lost")
_CODES: Final[Mapping[str, str]] = {"declined": "insufficient_funds", "declined for good": "lost_card"}


def possible(service: str, name: str) -> tuple[str, ...]:
    """Everything that can go wrong with this call."""
    if service == "dynamodb":
        writes = name in ("transact_write_items", "put_item", "update_item", "delete_item")
        return (*_ANYWHERE, *_OF_TABLES, *(_OF_WRITES if writes else ()))
    if service == "secretsmanager":
        return (*CRASHES, "unheard", "unreachable", *_OF_QUEUES)
    if service != "stripe":
        batch = name in ("send_message_batch", "put_events")
        return (*_ANYWHERE, *_OF_QUEUES, *(_OF_BATCHES if batch else ()))
    method, _, path = name.upper().partition(" ")
    posts = _OF_POSTS if method == "POST" else ()
    cards = _OF_CARDS if method == "POST" and path in ("/V1/PAYMENT_INTENTS", "/V1/SETUP_INTENTS") else ()
    return (*_ANYWHERE, *_OF_STRIPE, *posts, *cards)


def also(deployment: Deployment) -> None:
    """From now on this deployment's calls can meet these troubles, too."""
    parts = _Parts(deployment)
    deployment.stage._fault = partial(_befall, parts)


class _Parts:
    """Lets the next batch be taken but for its last message."""

    def __init__(self, deployment: Deployment) -> None:
        self.next_one = False
        queues, bus = deployment.queues, deployment.bus
        self._send, self._put = queues.send_message_batch, bus.put_events
        queues.send_message_batch = self.send_message_batch  # type: ignore[method-assign]
        bus.put_events = self.put_events  # type: ignore[method-assign]

    def _taken(self, entries: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        whole, self.next_one = not self.next_one, False
        return entries if whole else entries[:-1]

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        taken = self._taken(Entries)
        answer = self._send(QueueUrl=QueueUrl, Entries=taken) if taken else {"Successful": [], "Failed": []}
        fault = {"SenderFault": False, "Code": "ServiceUnavailable"}
        return answer | {"Failed": [{"Id": each["Id"], **fault} for each in Entries[len(taken) :]]}

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        taken = self._taken(Entries)
        answer = self._put(Entries=taken) if taken else {"Entries": []}
        refused = [{"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"} for _ in Entries[len(taken) :]]
        return {"FailedEntryCount": len(refused), "Entries": [*answer["Entries"], *refused]}


def _befall(
    parts: _Parts,
    stage: Stage,
    invocation: Invocation,
    kind: str,
    service: str,
    name: str,
    call: Callable[[], Any],
) -> Any:
    if kind == "partly refused":
        parts.next_one = True
        return call()
    if kind == "throttled":
        raise client_error("".join(word.title() for word in name.split("_")), "ThrottlingException", "Rate exceeded")
    if not isinstance(call, StripeCall):
        return befall(stage, invocation, kind, service, name, call)
    match kind:
        case "in use":
            return call.faulty("conflict")
        case "unauthorized":
            return _error(401, type="invalid_request_error", message="Invalid API Key provided: sk_test_*")
        case "idempotency error":
            why = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            return _error(400, type="idempotency_error", message=why)
        case "declined" | "declined for good":
            return _declined(call, _CODES[kind])
        case _:
            return befall(stage, invocation, kind, service, name, call)


def _error(status: int, **error: str) -> Answer:
    return Answer.of(status, {"error": error})


def _declined(call: StripeCall, code: str) -> Answer:
    """The bank says no to this one."""
    (card,) = parse_qs(call.request.body.decode())["payment_method"]
    rule = {"payment_method": card, "decline_code": code, "times": 1}
    call.simulator.control("POST", "/_simulator/cards", rule)
    answer = call()
    call.simulator.control("DELETE", f"/_simulator/cards/{card}")
    return answer
