"""From a request to its answer: access, idempotency, parameters, execution, and the fault that was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from local.stripe_simulator import faults, form
from local.stripe_simulator.access import Access, RateLimit, UpdateLimit, admit_phone, lock_timeout, rate_limited
from local.stripe_simulator.errors import ApiError, server_error
from local.stripe_simulator.idempotency import Idempotency, fingerprint, in_use
from local.stripe_simulator.params import read
from local.stripe_simulator.rendering import rendered
from local.stripe_simulator.routes import Route, match
from local.stripe_simulator.timers import Action, run_due
from local.stripe_simulator.wire import Answer, Body, Request
from local.stripe_simulator.world import Origin, World


class Api:
    def __init__(
        self, world: World, access: Access, actions: Mapping[str, Action], sleep: Callable[[float], None]
    ) -> None:
        self._world, self._access, self._actions, self._sleep = world, access, actions, sleep
        self._idempotency = Idempotency(world)
        self._rate_limit, self._update_limit = RateLimit(world), UpdateLimit(world)

    def answer(self, request: Request) -> Answer:
        request_id = self._world.identifiers.new("req")
        fault = faults.take(self._world, request) or {}
        delay = float(fault.get("delay_seconds", 0))
        if fault.get("kind") == "timeout_before":
            return Answer(0, b"", silent_seconds=delay, cut=True)
        try:
            answer = self._answer(request, request_id, fault)
        except ApiError as error:
            answer = Answer.of(error.status, error.body)
        if fault.get("kind") in {"timeout_after", "drop_after"}:
            return Answer(0, b"", silent_seconds=delay if fault["kind"] == "timeout_after" else 0, cut=True)
        return Answer(answer.status, answer.content, self._headers(request, request_id, answer, fault))

    def _headers(self, request: Request, request_id: str, answer: Answer, fault: Body) -> dict[str, str]:
        version = request.header("stripe-version") or self._world.switches.account_api_version
        headers = {"Content-Type": "application/json", "Request-Id": request_id, "Stripe-Version": version}
        key = request.header("idempotency-key")
        if key is not None and request.method == "POST":
            headers["Idempotency-Key"] = key
        if fault.get("should_retry") is not None:
            headers["Stripe-Should-Retry"] = str(fault["should_retry"]).lower()
        return {**headers, **answer.headers}

    def _answer(self, request: Request, request_id: str, fault: Body) -> Answer:
        self._refuse(request, fault)
        by_phone = self._access.check(request)
        self._rate_limit.check(time.monotonic())
        self._update_limit.check(request)
        found = match(request.method, request.path)
        if found is None:
            url = f"{request.method}: {request.path}"
            raise ApiError(
                404,
                f"Unrecognized request URL ({url}). If you are trying to list objects, remove the trailing slash. If "
                "you "
                "are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. "
                "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
            )
        route, ids = found
        given = form.decode(request.body.decode(errors="replace") if request.method == "POST" else request.query)
        if request.method == "POST" and request.query:
            given = {**form.decode(request.query), **given}
        if by_phone:
            given = admit_phone(self._world, request, given)
        key = request.header("idempotency-key") if request.method == "POST" else None
        if key:
            with self._idempotency.reserved(key):
                return self._under_key(request, request_id, route, ids, given, key, fault)
        self._slow_down(fault)
        return self._execute(request, request_id, route, ids, read(given, route.kinds, route.required), fault)

    def _refuse(self, request: Request, fault: Body) -> None:
        """The refusals that nothing precedes and nothing remembers."""
        kind = fault.get("kind")
        if kind == "rate_limit":
            raise rate_limited()
        if kind == "lock_timeout":
            raise lock_timeout()
        if kind == "conflict":
            raise in_use(self._world, request.header("idempotency-key"))
        if kind == "unavailable":
            raise ApiError(503, "Stripe is temporarily unavailable. Please try again later.", type="api_error")

    def _slow_down(self, fault: Body) -> None:
        if fault.get("kind") == "slow":
            self._sleep(float(fault["delay_seconds"]))

    def _under_key(
        self,
        request: Request,
        request_id: str,
        route: Route,
        ids: list[str],
        given: dict[str, Any],
        key: str,
        fault: Body,
    ) -> Answer:
        self._slow_down(fault)
        wanted = fingerprint(request, given, with_path=self._world.switches.idempotency_compares_path)
        with self._world.store.lock:
            row = self._idempotency.recall(key, wanted)
        if row is not None:
            headers = {"Idempotent-Replayed": "true", "Original-Request": row["request_id"]}
            if not self._world.switches.replay_has_new_request_id:
                headers["Request-Id"] = row["request_id"]
            return Answer(row["status"], row["content"].encode(), headers)
        params = read(given, route.kinds, route.required)
        return self._execute(request, request_id, route, ids, params, fault, keep=(key, wanted))

    def _execute(
        self,
        request: Request,
        request_id: str,
        route: Route,
        ids: list[str],
        params: dict[str, Any],
        fault: Body,
        keep: tuple[str, str] | None = None,
    ) -> Answer:
        """The effects and the stored answer are one change; a refusal undoes the effects and is stored alone."""
        run_due(self._world, self._actions)
        world, key = self._world, keep[0] if keep else None
        origin = Origin(request_id, key, request.header("stripe-version"))
        failed = Answer.of(500, server_error().body)
        try:
            with world.store.transaction(), world.acting_for(origin):
                if fault.get("kind") == "fail_before":
                    raise server_error()
                answer = self._outcome(route, params, ids)
                answer = failed if fault.get("kind") == "fail_after" else answer
                if keep is not None:
                    self._idempotency.keep(*keep, answer, request_id)
                return answer
        except ApiError as error:
            answer = failed if fault.get("kind") == "fail_after" else Answer.of(error.status, error.body)
        if keep is not None:
            with world.store.transaction():
                self._idempotency.keep(*keep, answer, request_id)
        return answer

    def _outcome(self, route: Route, params: dict[str, Any], ids: list[str]) -> Answer:
        try:
            body = route.handler(self._world, params, *ids)
        except ApiError as error:
            if not error.effects_stand:
                raise
            return Answer.of(error.status, error.body)
        expand = params.get("expand", [])
        if body.get("object") in {"list", "search_result"}:
            wrong = [path for path in expand if not path.startswith("data.")]
            if wrong:
                raise ApiError(400, f"This property cannot be expanded ({wrong[0]}).", param="expand")
            return Answer.of(200, {**body, "data": [rendered(self._world, row, expand, 1) for row in body["data"]]})
        return Answer.of(200, rendered(self._world, body, expand))
