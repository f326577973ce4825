"""Which control does what; bad input is a 400 that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.stripe_simulator import faults
from local.stripe_simulator.control import bank_rules, lifecycle, settings
from local.stripe_simulator.control.input import ControlRefused
from local.stripe_simulator.errors import ApiError
from local.stripe_simulator.webhooks import Webhooks
from local.stripe_simulator.wire import Answer, Body, Request
from local.stripe_simulator.world import World


class Control:
    def __init__(self, world: World, webhooks: Webhooks, run_due: Callable[[], int]) -> None:
        self._world, self._webhooks, self._run_due = world, webhooks, run_due
        settled = settings.Settings(world, webhooks, run_due)
        self._routes: dict[tuple[str, str], Callable[..., Body]] = {
            ("GET", "health"): lambda _: {"status": "ok"},
            ("GET", "clock"): settled.clock,
            ("POST", "clock"): settled.move_clock,
            ("GET", "switches"): settled.switches,
            ("PATCH", "switches"): settled.change_switches,
            ("GET", "webhooks"): settled.webhooks,
            ("POST", "webhooks"): settled.change_webhooks,
            ("POST", "webhook_endpoints"): settled.add_endpoint,
            ("POST", "webhook_endpoints/*/roll_secret"): settled.roll_secret,
            ("GET", "state"): settled.state,
            ("POST", "reset"): settled.reset,
            ("GET", "faults"): lambda _: {"faults": list(world.store.rows("fault").values())},
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("DELETE", "faults/*"): self._clear_faults,
            ("GET", "cards"): self._within(bank_rules.all_rules),
            ("POST", "cards"): self._within(bank_rules.tell),
            ("DELETE", "cards"): self._within(bank_rules.forget),
            ("DELETE", "cards/*"): self._within(bank_rules.forget),
            ("POST", "payment_intents/*/authenticate"): self._within(lifecycle.authenticate_payment),
            ("POST", "setup_intents/*/authenticate"): self._within(lifecycle.authenticate_setup),
            ("POST", "payment_intents/*/expire"): self._within(lifecycle.expire),
            ("POST", "refunds/*"): self._within(lifecycle.settle_refund),
            ("POST", "disputes"): self._within(lifecycle.open_dispute),
            ("POST", "disputes/*"): self._within(lifecycle.decide_dispute),
        }

    def answer(self, request: Request) -> Answer:
        try:
            return Answer.of(200, self._dispatch(request))
        except ApiError as error:
            return Answer.of(error.status, error.body)
        except ValueError as error:
            return Answer.of(400, {"error": {"message": str(error)}})

    def _dispatch(self, request: Request) -> Body:
        parts = request.path.strip("/").split("/")[1:]
        shapes = ["/".join(parts), *("/".join([*parts[:n], "*", *parts[n + 1 :]]) for n in range(1, len(parts)))]
        for shape in shapes:
            handler = self._routes.get((request.method, shape))
            if handler is not None:
                ids = [parts[1]] if "*" in shape else []
                return handler(_json(request.body), *ids)
        known = sorted(f"{method} /_simulator/{shape}" for method, shape in self._routes)
        raise ApiError(404, f"no such control: {request.method} {request.path}; there are {', '.join(known)}")

    def _within(self, act: Callable[..., Body]) -> Callable[..., Body]:
        def handler(body: Any, *ids: str) -> Body:
            self._run_due()
            with self._world.store.transaction():
                return act(self._world, body, *ids)

        return handler

    def _add_fault(self, body: Any) -> Body:
        with self._world.store.transaction():
            return faults.add(self._world, body)

    def _clear_faults(self, _: Any, *ids: str) -> Body:
        with self._world.store.transaction():
            known = list(self._world.store.rows("fault"))
            if ids and ids[0] not in known:
                raise ControlRefused(f"no such fault: {ids[0]}")
            for id in ids or known:
                self._world.store.delete("fault", id)
        return {"deleted": len(ids or known)}


def _json(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError as error:
        raise ControlRefused(f"not JSON: {error}") from error
