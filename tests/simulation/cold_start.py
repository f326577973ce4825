"""Functions as after a deployment: nothing is kept in their memory, and chance begins anew.

So that a run that comes back to a snapshot is the same run, call by call, until something goes wrong in it.
"""

from __future__ import annotations

import importlib
import json
import random
import uuid
from collections.abc import Callable
from typing import Any, Final, cast

import boto3

from holdfast import bootstrap
from holdfast.quote_keys import QuoteKeys
from holdfast.stripe_door import StripeDoor, WebhookSecrets
from tests.simulation.deployment import Deployment
from tests.simulation.queues import Secrets
from tests.simulation.wiring import SECRETS, Wire

_KEPT_SECONDS: Final = 300


def cold(deployment: Deployment) -> None:
    """Inside `Deployment.started`, whose own replacements these take the place of until it ends."""
    ids, chance = random.Random(f"{deployment.seed}/ids after it"), random.Random(f"{deployment.seed}/uuids after it")
    manager = Wire(deployment.stage, "secretsmanager", Secrets(SECRETS))
    secrets = WebhookSecrets(cast(Any, manager), "stripe", monotonic=deployment.stage.stripes_time)
    door = StripeDoor(secrets, boto3.client("sqs"), "StripeEventsQueue", real_time=deployment.stage.stripes_time)
    keys = QuoteKeys(cast(Any, manager), "quote-key", monotonic=deployment.stage.stripes_time)
    replacements: list[tuple[Any, str, Any]] = [
        (bootstrap, "new_id", lambda prefix: f"{prefix}_{ids.getrandbits(128):032x}"),
        (bootstrap, "quote_keys", lambda: keys),
        (bootstrap, "stripe_secret", _kept_for_five_minutes(manager, deployment.stage.stripes_time)),
        (uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
        (importlib.import_module("functions.receive_stripe_event.handler"), "door", lambda: door),
    ]
    for module, name, value in replacements:
        setattr(module, name, value)


def _kept_for_five_minutes(manager: Any, now: Callable[[], float]) -> Callable[[], dict[str, Any]]:
    """Stands in for Powertools' parameters, which count real time: the secret is read when it is first needed."""
    kept: list[tuple[float, dict[str, Any]]] = []

    def stripe_secret() -> dict[str, Any]:
        if not kept or now() - kept[-1][0] >= _KEPT_SECONDS:
            kept.append((now(), json.loads(manager.get_secret_value(SecretId="stripe")["SecretString"])))
        return kept[-1][1]

    return stripe_secret
