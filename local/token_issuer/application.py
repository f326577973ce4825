"""The issuer's HTTP side: keys for those who verify, tokens for whoever asks (it runs on loopback only)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from local.token_issuer.keys import KeyRing
from local.token_issuer.tokens import BadRequest, check, customer_token, staff_token


class Issuer:
    """A WSGI application. Two issuers in one: customers' tokens and staff tokens have keys of their own."""

    def __init__(self, app_id: str, staff_audience: str) -> None:
        self._app_id = app_id
        self._staff_audience = staff_audience
        self._customers = KeyRing()
        self._staff = KeyRing()
        self._routes = Map(
            [
                Rule("/health", endpoint=self._health, methods=["GET"]),
                Rule("/.well-known/jwks.json", endpoint=self._customer_keys, methods=["GET"]),
                Rule("/staff/.well-known/jwks.json", endpoint=self._staff_keys, methods=["GET"]),
                Rule("/staff/.well-known/openid-configuration", endpoint=self._configuration, methods=["GET"]),
                Rule("/token", endpoint=self._token, methods=["POST"]),
                Rule("/rotate", endpoint=self._rotate, methods=["POST"]),
            ]
        )

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        try:
            endpoint, _ = self._routes.bind_to_environ(environ).match()
            response = _json(self._answer(endpoint, request))
        except BadRequest as refused:
            response = _json({"error": str(refused)}, status=400)
        except HTTPException as refused:
            response = _json({"error": refused.description}, status=refused.code or 500)
        return response(environ, start_response)

    @staticmethod
    def _answer(endpoint: Callable[[Request], dict[str, Any]], request: Request) -> dict[str, Any]:
        return endpoint(request)

    def _health(self, _: Request) -> dict[str, Any]:
        return {"status": "ok"}

    def _customer_keys(self, _: Request) -> dict[str, Any]:
        return self._customers.jwks()

    def _staff_keys(self, _: Request) -> dict[str, Any]:
        return self._staff.jwks()

    def _configuration(self, request: Request) -> dict[str, Any]:
        issuer = self._staff_issuer(request)
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        }

    def _token(self, request: Request) -> dict[str, Any]:
        try:
            asked = json.loads(request.get_data())
        except ValueError as error:
            raise BadRequest("the body must be JSON") from error
        if not isinstance(asked, dict):
            raise BadRequest("the body must be an object")
        check(asked)
        if asked.get("roles") is None:
            return {"token": customer_token(asked, self._customers, self._app_id)}
        return {"token": staff_token(asked, self._staff, self._staff_issuer(request), self._staff_audience)}

    def _rotate(self, _: Request) -> dict[str, Any]:
        return {"customers": self._customers.rotate().kid, "staff": self._staff.rotate().kid}

    @staticmethod
    def _staff_issuer(request: Request) -> str:
        return f"{request.host_url.rstrip('/')}/staff"


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")
