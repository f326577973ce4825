"""One call to Stripe: how often it is tried, and what is known when it fails.

The SDK's own retries are off; ours are counted, spaced with exponential backoff and full jitter, all under the same
idempotency key and inside the request's budget. What an error proves is a closed table: what is not in it is a bug of
ours and propagates.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, TypeVar

import stripe

from holdfast.budget import Budget
from holdfast.call_failures import CallFailed, CallRefused, CardRefused, NothingExecuted, OutcomeUnknown

T = TypeVar("T")

MAX_TRIES: Final = 4
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 4.0


def call(
    effect: Callable[[], T],
    *,
    budget: Budget,
    declined: Callable[[stripe.CardError], CardRefused],
    jitter: Callable[[float, float], float] = random.uniform,
) -> T:
    """The effect's result, after as many tries as are allowed. Raises a CallFailed.

    A failure proves that nothing was executed only if every try proved it.
    """
    last: CallFailed = NothingExecuted("no time was left to call Stripe")
    for attempt in range(MAX_TRIES):
        pause = jitter(0.0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)) if attempt else 0.0
        if not budget.allows_a_try(after=pause):
            break
        if pause:
            budget.sleep(pause)
        try:
            return effect()
        except stripe.CardError as error:
            raise declined(error) from error
        except stripe.StripeError as error:
            try:
                last = _weaker(last, _proved(error, first=attempt == 0), first=attempt == 0)
            except _Final as final:
                raise final.failure from error
    raise last


class _Final(Exception):
    def __init__(self, failure: CallFailed) -> None:
        super().__init__(str(failure))
        self.failure = failure


def _weaker(known: CallFailed, new: CallFailed, *, first: bool) -> CallFailed:
    """What two failed tries prove together: the less certain of the two."""
    if first or isinstance(known, NothingExecuted):
        return new
    if isinstance(new, NothingExecuted) or not getattr(known, "answered", True):
        return known  # a try without an answer may still be running, whatever a later one was told
    return new


def _proved(error: stripe.StripeError, *, first: bool) -> CallFailed:
    """What this answer proves, where another try may help. Raises _Final where none can."""
    message = error.user_message or type(error).__name__
    if isinstance(error, stripe.RateLimitError):
        return NothingExecuted(message)  # 429, also lock_timeout: turned away before execution
    if isinstance(error, stripe.APIConnectionError):
        return NothingExecuted(message) if _never_sent(error) else OutcomeUnknown(message, answered=False)
    if isinstance(error, stripe.InvalidRequestError):
        raise _Final(
            CallRefused(error.code or "invalid_request", message, param=error.param, status=error.http_status or 400)
        )
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError | stripe.IdempotencyError):
        raise error  # our configuration or our bug: nothing a caller can do, so it is loud
    if error.http_status == 409:
        return OutcomeUnknown(message, answered=False)  # the same key is in use: another try of ours is still running
    if _replayed(error):
        # A stored 500 comes back under its key for a day; a later try of ours is told what the one before it did.
        raise _Final(OutcomeUnknown(message, answered=True, replayed=first))
    if isinstance(error, stripe.APIError):
        return OutcomeUnknown(message, answered=True)  # a server error, or an answer that cannot be read
    raise error


def _replayed(error: stripe.StripeError) -> bool:
    return {name.lower(): value for name, value in (error.headers or {}).items()}.get("idempotent-replayed") == "true"


def _never_sent(error: BaseException) -> bool:
    """The connection was not even opened, so no byte of the request can have arrived."""
    seen: set[int] = set()
    cause: Any = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if type(cause).__name__ in (
            "ConnectTimeout",
            "ConnectTimeoutError",
            "NewConnectionError",
            "NameResolutionError",
        ):
            return True
        cause = cause.__cause__ or _reason(cause)  # not __context__: that is whatever else was going wrong
    return False


def _reason(cause: Any) -> Any:
    """urllib3 and requests nest the real cause in `reason` or in their first argument."""
    inner = getattr(cause, "reason", None) or (cause.args[0] if getattr(cause, "args", None) else None)
    return inner if isinstance(inner, BaseException) else None
