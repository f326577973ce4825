"""Controls over the simulator itself: time, switches, deliveries, its whole state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from local.stripe_simulator.clock import ClockRefused, from_iso, iso
from local.stripe_simulator.control.input import ControlRefused, fields
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import webhook_endpoints
from local.stripe_simulator.webhooks import Webhooks
from local.stripe_simulator.wire import Body, duplicate
from local.stripe_simulator.world import World

_NUMBER = (int, float)


class Settings:
    def __init__(self, world: World, webhooks: Webhooks, run_due: Callable[[], int]) -> None:
        self._world, self._webhooks, self._run_due = world, webhooks, run_due

    def clock(self, _: Any) -> Body:
        clock = self._world.clock
        # Under the lock, because while something due happens the clock stands at its moment.
        with self._world.store.lock:
            return {"now": iso(clock.now()), "offset_seconds": clock.offset, "frozen": clock.frozen_at is not None}

    def move_clock(self, body: Any) -> Body:
        given = fields(body, {"advance_seconds": _NUMBER, "now": str, "freeze": bool})
        if not given:
            raise ControlRefused("the clock takes advance_seconds, now or freeze")
        if "advance_seconds" in given and "now" in given:
            raise ControlRefused("either advance_seconds or now, not both")
        if not math.isfinite(given.get("advance_seconds", 0)):
            raise ControlRefused("advance_seconds must be finite")
        clock = self._world.clock
        with self._world.store.transaction():
            before = clock.offset, clock.frozen_at
            try:
                self._set_clock(given)
            except ClockRefused:
                clock.restore(*before)
                raise
            self._world.store.insert("setting", "clock", {"offset": clock.offset, "frozen_at": clock.frozen_at})
        self._run_due()
        return self.clock(None)

    def _set_clock(self, given: Body) -> None:
        clock = self._world.clock
        if given.get("freeze"):
            clock.freeze(True)
        if "advance_seconds" in given:
            clock.advance(given["advance_seconds"])
        if "now" in given:
            clock.move_to(from_iso(given["now"]))
        if given.get("freeze") is False:
            clock.freeze(False)

    def switches(self, _: Any) -> Body:
        return self._world.switches.as_json()

    def change_switches(self, body: Any) -> Body:
        if not isinstance(body, dict):
            raise ControlRefused("the body must be a JSON object")
        with self._world.store.transaction():
            self._world.switches.change(body)
            self._world.store.insert("setting", "switches", self._world.switches.as_json())
        return self.switches(None)

    def webhooks(self, _: Any) -> Body:
        with self._world.store.lock:
            setting = self._world.store.get("setting", "webhooks") or {}
            rows = [*self._world.store.rows("delivered").values(), *self._world.store.rows("delivery").values()]
            order = {id: place for place, id in enumerate(self._world.store.rows("event"))}
            deliveries = sorted(rows, key=lambda row: order.get(row["event"], 0))
            return {
                "mode": "auto",
                "duplicate": 0,
                "delay_seconds": 0,
                "shuffle_seed": None,
                **setting,
                "deliveries": [{**duplicate(row), "due": iso(row["due"])} for row in deliveries],
            }

    def change_webhooks(self, body: Any) -> Body:
        """Settings first, then what to drop, then what to deliver now."""
        given = fields(
            body,
            {
                "mode": str,
                "duplicate": int,
                "delay_seconds": _NUMBER,
                "shuffle_seed": (int, type(None)),
                "deliver": (str, list),
                "drop": (str, list),
            },
        )
        if given.get("mode", "auto") not in {"auto", "hold"}:
            raise ControlRefused("mode is auto or hold")
        if min(given.get("duplicate", 0), given.get("delay_seconds", 0)) < 0:
            raise ControlRefused("duplicate and delay_seconds start at 0")
        chosen = {name: self._chosen(name, given[name]) for name in ("drop", "deliver") if name in given}
        self._webhooks.configure({name: value for name, value in given.items() if name not in chosen})
        dropped = self._webhooks.drop(chosen["drop"]) if "drop" in chosen else 0
        delivered = self._webhooks.deliver(chosen["deliver"]) if "deliver" in chosen else []
        return {**self.webhooks(None), "dropped": dropped, "delivered": delivered}

    def _chosen(self, name: str, value: Any) -> list[str] | None:
        if value == "all":
            return None
        if isinstance(value, str) or not all(isinstance(each, str) for each in value):
            raise ControlRefused(f'{name} is "all" or a list of event ids')
        unknown = [id for id in value if self._world.store.get("event", id) is None]
        if unknown:
            raise ControlRefused(f"no such event: {unknown[0]}")
        return list(value)

    def add_endpoint(self, body: Any) -> Body:
        """With a secret of one's own choice, and any URL."""
        given = fields(
            body,
            {"url": str, "secret": str, "enabled_events": list, "api_version": (str, type(None))},
            ("url", "secret"),
        )
        if not given["secret"].startswith("whsec_"):
            raise ControlRefused("a secret begins with whsec_")
        events = given.get("enabled_events", ["*"])
        if not all(isinstance(each, str) for each in events):
            raise ControlRefused("enabled_events is a list of texts")
        with self._world.store.transaction():
            params = {"api_version": given.get("api_version")}
            endpoint = webhook_endpoints.add(self._world, given["url"], events, given["secret"], params)
        return {**public(endpoint), "secret": given["secret"]}

    def roll_secret(self, body: Any, id: str) -> Body:
        given = fields(body, {"secret": str, "keep_old_seconds": _NUMBER})
        with self._world.store.transaction():
            endpoint, secret = webhook_endpoints.roll_secret(
                self._world, id, given.get("secret"), given.get("keep_old_seconds", 86_400)
            )
        return {**public(endpoint), "secret": secret}

    def state(self, _: Any) -> Body:
        """Everything, private facts included: for tests of what must always be true."""
        with self._world.store.lock:
            tables = {name: list(duplicate(rows).values()) for name, rows in self._world.store.tables().items()}
        return {"clock": self.clock(None), "switches": self.switches(None), "objects": tables}

    def reset(self, body: Any) -> Body:
        given = fields(body, {"keep_clock": bool, "keep_webhook_endpoints": bool})
        with self._world.store.transaction():
            kept = {"webhook_endpoint"} if given.get("keep_webhook_endpoints") else set()
            for table, rows in self._world.store.tables().items():
                for id in list(rows):
                    if table not in kept and not (given.get("keep_clock") and (table, id) == ("setting", "clock")):
                        self._world.store.delete(table, id)
            self._world.reload()
        return {"status": "reset"}
