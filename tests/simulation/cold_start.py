"""Functions as after a deployment: nothing is kept in their memory, and chance begins anew.

So that a run that comes back to a snapshot is the same run, call by call, until something goes wrong in it.
"""

from __future__ import annotations

import importlib
import random
import uuid
from typing import Any

import boto3

from holdfast import bootstrap
from holdfast.quote_keys import QuoteKeys
from holdfast.stripe_door import StripeDoor, WebhookSecrets
from tests.simulation.deployment import Deployment


def cold(deployment: Deployment) -> None:
    """Inside `Deployment.started`, whose own replacements these take the place of until it ends."""
    ids, chance = random.Random(f"{deployment.seed}/ids after it"), random.Random(f"{deployment.seed}/uuids after it")
    secrets = WebhookSecrets(_client("secretsmanager"), "stripe", monotonic=deployment.stage.stripes_time)
    door = StripeDoor(secrets, _client("sqs"), "StripeEventsQueue", real_time=deployment.stage.stripes_time)
    keys = QuoteKeys(_client("secretsmanager"), "quote-key", monotonic=deployment.stage.stripes_time)
    replacements: list[tuple[Any, str, Any]] = [
        (bootstrap, "new_id", lambda prefix: f"{prefix}_{ids.getrandbits(128):032x}"),
        (bootstrap, "quote_keys", lambda: keys),
        (uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
        (importlib.import_module("functions.receive_stripe_event.handler"), "door", lambda: door),
    ]
    for module, name, value in replacements:
        setattr(module, name, value)


def _client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]
