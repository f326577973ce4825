"""What happens without a request: expiry, settlement of refunds, the bank's verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

Action = Callable[[World, Body], None]


def run_due(world: World, actions: Mapping[str, Action]) -> int:
    """Each happens at its own time, in order, in a transaction of its own."""
    done = 0
    with world.store.lock:
        while (timer := world.next_due()) is not None and timer["due"] <= world.clock.now():
            with world.store.transaction(), world.clock.pinned(timer["due"]):
                world.unschedule(timer["kind"], timer["subject"])
                actions[timer["kind"]](world, timer)
            done += 1
    return done
