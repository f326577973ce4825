"""Every refusal that Stripe words itself: status, type, code, message, parameter."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.wire import Body

DOC_URL = "https://stripe.com/docs/error-codes/"


class ApiError(Exception):
    """An answer other than 200. `effects_stand` means that what was written before it is kept, as after a decline."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        effects_stand: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.effects_stand = effects_stand
        error: Body = {"type": type, "code": code, "message": message, "param": param, **details}
        if code is not None and type in {"card_error", "invalid_request_error"}:
            error["doc_url"] = DOC_URL + code.replace("_", "-")
        self.error = {name: value for name, value in sorted(error.items()) if value is not None}

    @property
    def body(self) -> Body:
        return {"error": self.error}


def unknown_parameter(names: list[str]) -> ApiError:
    plural = "s" if len(names) > 1 else ""
    return ApiError(
        400, f"Received unknown parameter{plural}: {', '.join(names)}", code="parameter_unknown", param=names[0]
    )


def missing_parameter(name: str, message: str | None = None) -> ApiError:
    return ApiError(400, message or f"Missing required param: {name}.", code="parameter_missing", param=name)


def invalid_integer(name: str, message: str) -> ApiError:
    return ApiError(400, message, code="parameter_invalid_integer", param=name)


def refused(message: str, param: str | None = None, *, code: str | None = None, **details: Any) -> ApiError:
    return ApiError(400, message, code=code, param=param, **details)


def no_such(kind: str, id: str, param: str, *, in_path: bool) -> ApiError:
    """404 for an id in the path, 400 for one in the parameters or a cursor."""
    return ApiError(404 if in_path else 400, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def server_error() -> ApiError:
    message = "An unknown error occurred while processing your request. If the problem persists, contact support."
    return ApiError(500, message, type="api_error")
