"""The door for Stripe's events: verify the signature over the raw body, queue, and say yes at once.

It knows nothing of bookings. What it lets in is Stripe's word; what that means is found out behind the queue.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from holdfast import telemetry
from holdfast.errors import InvalidRequest
from holdfast.webhook_signature import BadSignature, NoSecretMatches, verify

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# Stripe's events are a few KB. A function URL takes 6 MB, which nobody but an attacker sends.
_LARGEST_BODY: Final = 1024 * 1024
# What every SQS queue takes; some take more by now.
_LARGEST_MESSAGE: Final = 256 * 1024
_KEEP_SECONDS: Final = 300
# A wrong signature asks for the secrets again, in case they were rotated; forgers must not turn that into a flood.
_BETWEEN_REFRESHES_SECONDS: Final = 10


class WebhookSecrets:
    """The endpoint's signing secrets, newest and retiring, from Secrets Manager."""

    def __init__(
        self, client: SecretsManagerClient, secret_id: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._monotonic = monotonic
        self._secrets: tuple[str, ...] = ()
        self._read_at: float | None = None

    def current(self) -> Sequence[str]:
        """At most five minutes old."""
        if self._read_at is None or self._monotonic() - self._read_at >= _KEEP_SECONDS:
            self._read()
        return self._secrets

    def newer(self) -> Sequence[str]:
        """Read again now; empty if they were read a moment ago, or are the same."""
        before = self._secrets
        if self._read_at is not None and self._monotonic() - self._read_at < _BETWEEN_REFRESHES_SECONDS:
            return ()
        self._read()
        return tuple(secret for secret in self._secrets if secret not in before)

    def _read(self) -> None:
        kept = json.loads(self._client.get_secret_value(SecretId=self._secret_id)["SecretString"])
        self._secrets = tuple(secret for secret in kept["webhook_secrets"] if secret)
        self._read_at = self._monotonic()


class StripeDoor:
    """Lets Stripe's events into the queue. `real_time` judges timestamps, whatever clock the bookings follow."""

    def __init__(
        self, secrets: WebhookSecrets, sqs: SQSClient, queue_url: str, *, real_time: Callable[[], float] = time.time
    ) -> None:
        self._secrets = secrets
        self._sqs = sqs
        self._queue_url = queue_url
        self._real_time = real_time

    def receive(self, request: Mapping[str, Any]) -> None:
        """Queues the event in a function URL's request. Raises InvalidRequest unless it is Stripe's, and recent."""
        body = _raw_body(request)
        self._verify(body, _header(request, "stripe-signature"))
        event, text = _event(body)
        telemetry.annotate(stripe_event_id=event["id"], stripe_event_type=event["type"])
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=_message(event, text))

    def _verify(self, body: bytes, header: str | None) -> None:
        now = self._real_time()
        try:
            try:
                verify(body, header, self._secrets.current(), now=now)
            except NoSecretMatches:
                verify(body, header, self._secrets.newer(), now=now)
        except BadSignature as bad:
            raise InvalidRequest(str(bad)) from bad


def _header(request: Mapping[str, Any], wanted: str) -> str | None:
    for name, value in (request.get("headers") or {}).items():
        if name.lower() == wanted:
            return str(value)
    return None


def _raw_body(request: Mapping[str, Any]) -> bytes:
    """The bytes that Stripe signed; a function URL encodes what it takes for binary."""
    body = request.get("body") or ""
    try:
        raw: bytes = base64.b64decode(body, validate=True) if request.get("isBase64Encoded") else body.encode()
    except ValueError:
        raise InvalidRequest("The body cannot be read.") from None
    if len(raw) > _LARGEST_BODY:
        raise InvalidRequest("The body is too large to be an event.")
    return raw


def _event(body: bytes) -> tuple[dict[str, Any], str]:
    try:
        text = body.decode()
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body is not JSON.") from None
    if not isinstance(event, dict) or not all(isinstance(event.get(name), str) for name in ("id", "type")):
        raise InvalidRequest("The body is not an event.")
    return event, text


def _message(event: Mapping[str, Any], text: str) -> str:
    """The event as it came, if SQS takes it; else enough of it to know what to ask Stripe for."""
    if not text.isascii():
        text = json.dumps(event, separators=(",", ":"))  # SQS refuses some characters that JSON may carry as they are
    return text if len(text) <= _LARGEST_MESSAGE else json.dumps(_hint(event), separators=(",", ":"))


def _hint(event: Mapping[str, Any]) -> dict[str, Any]:
    """Without the snapshot's states, so that nobody takes what was left out for what is not so."""
    data = event.get("data")
    snapshot = data.get("object") if isinstance(data, dict) else None
    named = snapshot if isinstance(snapshot, dict) else {}
    kept = {name: named[name] for name in ("id", "object", "payment_intent", "charge", "metadata") if name in named}
    facts = {
        name: event[name] for name in ("id", "object", "type", "api_version", "created", "livemode") if name in event
    }
    return facts | {"data": {"object": kept}}
