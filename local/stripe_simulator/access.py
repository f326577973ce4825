"""Who may call: one secret key, and the publishable key for the little that a phone may do."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from typing import Any

from local.stripe_simulator.errors import ApiError, missing_parameter, refused
from local.stripe_simulator.wire import Request
from local.stripe_simulator.world import World

_MISSING = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. "
    "'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can "
    "help "
    "at https://support.stripe.com/."
)
# What a client secret belongs to.
_SECRET = {"payment_intents": "payment_intent", "setup_intents": "setup_intent"}


class Access:
    def __init__(self, secret_key: str | None, publishable_key: str | None) -> None:
        self._secret_key, self._publishable_key = secret_key, publishable_key

    def check(self, request: Request) -> bool:
        """Whether it is a phone that calls, with the key that everybody may know."""
        key = _key_of(request.header("authorization") or "")
        if not key:
            raise ApiError(401, _MISSING)
        if self._publishable_key is not None and key == self._publishable_key:
            if not _for_phones(request):
                message = "This API call cannot be made with a publishable API key. Please use a secret API key."
                raise ApiError(403, message, code="secret_key_required")
            return True
        # Without a key of its own the simulator takes any test key, never a live one.
        known = key == self._secret_key if self._secret_key is not None else key.startswith(("sk_test_", "rk_test_"))
        if not known:
            hidden = f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}" if len(key) > 12 else "*" * len(key)
            raise ApiError(401, f"Invalid API Key provided: {hidden}")
        return False


def _key_of(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _for_phones(request: Request) -> bool:
    parts = request.path.strip("/").split("/")
    if request.method == "POST":
        return parts == ["v1", "payment_methods"] or _confirmed_intent(request) is not None
    return len(parts) == 3 and parts[1] in _SECRET and "client_secret=" in request.query


def _confirmed_intent(request: Request) -> tuple[str, str] | None:
    """Table and id of what a request confirms."""
    parts = request.path.strip("/").split("/")
    confirms = request.method == "POST" and len(parts) == 4 and parts[1] in _SECRET and parts[3] == "confirm"
    return (_SECRET[parts[1]], parts[2]) if confirms else None


def admit_phone(world: World, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """A phone confirms with the client secret; the parameter exists only for it, and it is always on session."""
    confirmed = _confirmed_intent(request)
    if confirmed is None:
        return given
    if "client_secret" not in given:
        raise missing_parameter("client_secret")
    if "off_session" in given:
        raise refused("The parameter `off_session` can only be used with a secret API key.", "off_session")
    intent = world.find(*confirmed, "intent", in_path=True)
    if given["client_secret"] != intent["client_secret"]:
        spoken = "PaymentIntent" if confirmed[0] == "payment_intent" else "SetupIntent"
        raise refused(f"The client_secret provided does not match any associated {spoken}.", "client_secret")
    return {name: value for name, value in given.items() if name != "client_secret"}


class RateLimit:
    """So many requests in any one second of real time, when the switch says so."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._recent: deque[float] = deque()

    def check(self, now: float) -> None:
        limit = self._world.switches.rate_limit_per_second
        if limit <= 0:
            return
        with self._world.store.lock:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= limit:
                raise rate_limited()
            self._recent.append(now)


class UpdateLimit:
    """So many changes of one PaymentIntent in any hour of the simulator's time (D)."""

    HOUR_SECONDS = 3_600

    def __init__(self, world: World) -> None:
        self._world = world
        self._recent: dict[str, deque[float]] = {}

    def check(self, request: Request) -> None:
        limit = self._world.switches.payment_intent_updates_per_hour
        parts = request.path.strip("/").split("/")
        if limit <= 0 or request.method != "POST" or parts[1:2] != ["payment_intents"] or len(parts) < 3:
            return
        now = self._world.clock.now()
        with self._world.store.lock:
            recent = self._recent.setdefault(parts[2], deque())
            while recent and not now - self.HOUR_SECONDS < recent[0] <= now:
                recent.popleft()
            if len(recent) >= limit:
                raise rate_limited()
            recent.append(now)


def rate_limited() -> ApiError:
    return ApiError(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
    )


def lock_timeout() -> ApiError:
    return ApiError(
        429,
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing "
        "it. If you see this error intermittently, retry the request.",
        code="lock_timeout",
    )
