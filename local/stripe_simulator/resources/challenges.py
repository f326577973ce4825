"""What the cardholder answered to 3-D Secure, which only the simulator's user can decide."""

from __future__ import annotations

from local.stripe_simulator.errors import ApiError, refused
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import confirmation, setup_intents
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

OUTCOMES = ("succeeded", "failed", "canceled")
_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to "
    "attempt to fulfill this {} again."
)


def answer_payment(world: World, id: str, outcome: str) -> Body:
    intent = _waiting(world, "payment_intent", id)
    if outcome != "succeeded":
        return _payment_failed(world, intent)
    intent["_authenticated"] = True
    if intent["confirmation_method"] == "manual":
        # The merchant's server wants the last word.
        intent["status"], intent["next_action"] = "requires_confirmation", None
        return intent
    try:
        return confirmation.complete(world, intent)
    except ApiError as error:
        # The cardholder passed and the bank still declined; the phone learns it from the PaymentIntent.
        return _unless_undone(error, intent)


def _payment_failed(world: World, intent: Body) -> Body:
    method = world.get("payment_method", intent["payment_method"])
    code = "payment_intent_authentication_failure"
    error = ApiError(400, _FAILED.format("PaymentIntent"), code=code, payment_method=public(method))
    intent.update(
        {
            "status": "requires_payment_method",
            "payment_method": None,
            "next_action": None,
            "last_payment_error": dict(error.error),
        }
    )
    world.announce("payment_intent.payment_failed", intent)
    return intent


def answer_setup(world: World, id: str, outcome: str) -> Body:
    intent = _waiting(world, "setup_intent", id)
    try:
        if outcome != "succeeded":
            code = "setup_intent_authentication_failure"
            method = world.get("payment_method", intent["payment_method"])
            why = ApiError(400, _FAILED.format("SetupIntent"), code=code, payment_method=public(method))
            raise setup_intents.fail(world, intent, why)
        return setup_intents.complete(world, intent)
    except ApiError as error:
        return _unless_undone(error, intent)


def _unless_undone(error: ApiError, intent: Body) -> Body:
    if not error.effects_stand:
        raise error
    return intent


def _waiting(world: World, table: str, id: str) -> Body:
    intent = world.edit(world.find(table, id, "intent", in_path=True))
    if intent["status"] != "requires_action":
        raise refused(f"{id} waits for nobody: its status is {intent['status']}", "intent")
    return intent
