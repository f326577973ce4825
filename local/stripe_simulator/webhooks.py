"""How events reach their endpoints: at once, again after failures, or when and in the order that a test asks for."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources.webhook_endpoints import live_secrets
from local.stripe_simulator.signing import signature
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

Send = Callable[[str, dict[str, str], bytes], int]


@dataclass(frozen=True)
class Parcel:
    delivery: str
    url: str
    payload: bytes
    secrets: list[str]


def over_http(timeout: float) -> Send:
    def send(url: str, headers: dict[str, str], payload: bytes) -> int:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, payload, headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    return send


class Webhooks:
    def __init__(self, world: World) -> None:
        self._world = world
        self._under_way: set[str] = set()
        self._pool = ThreadPoolExecutor(8, "webhook")

    def pump(self, send: Send | None = None) -> int:
        """Attempts everything that is due, one after the other; answers how many attempts that were."""
        parcels = self._take_due()
        for parcel in parcels:
            self._attempt(parcel, send)
        return len(parcels)

    def start_due(self) -> None:
        """The same in the background, so that a slow receiver delays nobody else."""
        for parcel in self._take_due():
            self._pool.submit(self._attempt, parcel, None)

    def deliver(self, wanted: Iterable[str] | None, send: Send | None = None) -> list[Body]:
        """Chosen events, in the chosen order, now; those that were delivered before are sent again."""
        with self._world.store.transaction():
            known = {**self._world.store.rows("delivered"), **self._world.store.rows("delivery")}
            ids = list(self._world.store.rows("delivery"))
            if wanted is not None:
                ids = [id for event in wanted for id in known if id.partition(":")[0] == event]
            elif (seed := self._setting("shuffle_seed")) is not None:
                random.Random(seed).shuffle(ids)
        results: list[Body] = []
        for id in ids:
            with self._world.store.transaction():
                parcel = self._parcel(known[id])
            if parcel is not None:
                results.append({"delivery": id, **self._attempt(parcel, send)})
        return results

    def drop(self, wanted: list[str] | None) -> int:
        """Never delivered, never retried; the event stays readable."""
        with self._world.store.transaction():
            rows = list(self._world.store.rows("delivery").values())
            chosen = [row for row in rows if wanted is None or row["event"] in wanted]
            for row in chosen:
                self._finish(self._world.store.edit("delivery", row["id"]), "dropped")
        return len(chosen)

    def configure(self, wanted: Body) -> None:
        with self._world.store.transaction():
            before = self._world.store.get("setting", "webhooks") or {}
            self._world.store.insert("setting", "webhooks", {**before, **wanted})
            if wanted.get("mode") == "auto":
                for id, row in self._world.store.rows("delivery").items():
                    if row["status"] == "held":
                        self._world.store.edit("delivery", id)["status"] = "pending"

    def _setting(self, name: str) -> Any:
        return (self._world.store.get("setting", "webhooks") or {}).get(name)

    def _take_due(self) -> list[Parcel]:
        with self._world.store.transaction():
            now = self._world.clock.now()
            due = [
                row
                for row in self._world.store.rows("delivery").values()
                if row["status"] == "pending" and row["due"] <= now and row["id"] not in self._under_way
            ]
            if (seed := self._setting("shuffle_seed")) is not None:
                random.Random(seed).shuffle(due)
            parcels = [parcel for parcel in map(self._parcel, due) if parcel is not None]
            self._under_way.update(parcel.delivery for parcel in parcels)
            return parcels

    def _parcel(self, row: Body) -> Parcel | None:
        endpoint = self._world.store.get("webhook_endpoint", row["endpoint"])
        if endpoint is None or endpoint["status"] != "enabled":
            if self._world.store.get("delivery", row["id"]):
                self._finish(self._world.store.edit("delivery", row["id"]), "dropped")
            return None
        event = public(self._world.get("event", row["event"]))
        # Pinned to the endpoint's version in name only: the body is not translated (I).
        event["api_version"] = endpoint["api_version"] or self._world.switches.account_api_version
        return Parcel(
            row["id"], endpoint["url"], json.dumps(event, indent=2).encode(), live_secrets(self._world, endpoint)
        )

    def _attempt(self, parcel: Parcel, send: Send | None) -> Body:
        carry = send or over_http(self._world.switches.webhook_timeout_seconds)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(parcel.payload, parcel.secrets),
        }
        try:
            outcome: Body = {"status_code": carry(parcel.url, headers, parcel.payload), "error": None}
        except (OSError, http.client.HTTPException) as error:
            outcome = {"status_code": None, "error": f"{type(error).__name__}: {error}"}
        with self._world.store.transaction():
            self._under_way.discard(parcel.delivery)
            if self._world.store.get("delivery", parcel.delivery) is not None:
                self._record(self._world.store.edit("delivery", parcel.delivery), outcome)
        return outcome

    def _record(self, row: Body, outcome: Body) -> None:
        now = self._world.clock.now()
        row["attempts"].append({"at": now, **outcome})
        if outcome["status_code"] is not None and 200 <= outcome["status_code"] < 300:
            if row["copies_left"] > 0:
                row["copies_left"] -= 1
                row["due"] = now
            else:
                self._finish(row, "delivered")
            return
        failures = len(row["attempts"])
        delays = self._world.switches.webhook_retry_seconds
        if failures > len(delays):
            self._finish(row, "failed")
        else:
            row["due"] = now + delays[failures - 1]

    def _finish(self, row: Body, status: str) -> None:
        """Closed ones move to a table of their own, so that looking for due ones stays cheap."""
        self._world.store.delete("delivery", row["id"])
        self._world.store.insert("delivered", row["id"], {**row, "status": status})
        if status == "delivered":
            self._world.edit(self._world.get("event", row["event"]))["pending_webhooks"] -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Background(threading.Thread):
    """The passing of time in a running process: what falls due happens, what is owed is delivered."""

    def __init__(self, tick: Callable[[], None], seconds: float = 0.1) -> None:
        super().__init__(name="simulator-time", daemon=True)
        self._tick, self._seconds = tick, seconds
        self._wake, self._stopped = threading.Event(), threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            self._tick()
            self._wake.wait(self._seconds)
            self._wake.clear()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        self.join(5)
