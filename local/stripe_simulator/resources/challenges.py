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


def answer_payment(world: World, id: str, outcome: str, method: str | None = None) -> Body:
    """What the phone does: with the client secret it first confirms what waits for a card, then the holder answers."""
    intent = world.edit(world.find("payment_intent", id, "intent", in_path=True))
    if intent["status"] in {"requires_payment_method", "requires_confirmation"}:
        intent = _returned(world, intent, method)
        if intent["status"] != "requires_action":
            if outcome != "succeeded":
                raise refused(f"the cardholder was not asked, so nothing could be {outcome}", "outcome")
            return intent
    _check_waiting(intent)
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


def _returned(world: World, intent: Body, method: str | None) -> Body:
    """On session now, with the card of the last attempt unless another one is named."""
    last = (intent["last_payment_error"] or {}).get("payment_method") or {}
    chosen = method or intent["payment_method"] or last.get("id")
    if chosen is None:
        raise refused("it has no card yet: name a payment_method", "payment_method")
    try:
        return confirmation.confirm_now(world, intent, {"payment_method": chosen})
    except ApiError as error:
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
    intent = world.edit(world.find("setup_intent", id, "intent", in_path=True))
    _check_waiting(intent)
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


def _check_waiting(intent: Body) -> None:
    if intent["status"] != "requires_action":
        raise refused(f"{intent['id']} waits for nobody: its status is {intent['status']}", "intent")
