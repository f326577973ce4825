"""A deployment at one instant, to come back to: for whoever tries many ways on from the same place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local.stripe_simulator.access import UpdateLimit
from local.stripe_simulator.simulator import Simulator
from local.stripe_simulator.wire import duplicate
from tests.simulation.deployment import Deployment


def snapshot(deployment: Deployment) -> Any:
    """Everything that can change. Only between invocations, on tables that can do it (MemoryTables)."""
    stage = deployment.stage
    return {
        "tables": deployment.tables.snapshot(),
        "stripe": _stripe(deployment.simulator),
        "queues": deployment.queues.snapshot(),
        "bus": deployment.bus.snapshot(),
        "postbox": deployment.postbox.snapshot(),
        "stage": stage.snapshot(),
        "climate": deployment.climate,
        "counts": replace(deployment.counts),
        "unexpected": list(deployment.unexpected),
        "stream": list(deployment.stream),
        "schedule": deployment.schedule.snapshot(),
        "nights": deployment.nights.snapshot(),
        "lagging": deployment.lagging.snapshot(),
        "numbers": (deployment.streamed, deployment.invocations),
    }


def restore(deployment: Deployment, kept: Any) -> None:
    """As it was then; the same snapshot may be restored any number of times."""
    deployment.tables.restore(kept["tables"])
    _restore_stripe(deployment.simulator, kept["stripe"])
    deployment.queues.restore(kept["queues"])
    deployment.bus.restore(kept["bus"])
    deployment.postbox.restore(kept["postbox"])
    deployment.stage.restore(kept["stage"])
    deployment.climate = kept["climate"]
    deployment.counts = replace(kept["counts"])
    deployment.unexpected = list(kept["unexpected"])
    deployment.stream = list(kept["stream"])
    deployment.schedule.restore(kept["schedule"])
    deployment.nights.restore(kept["nights"])
    deployment.lagging.restore(kept["lagging"])
    deployment.streamed, deployment.invocations = kept["numbers"]


def _stripe(simulator: Simulator) -> Any:
    return duplicate(simulator.store.tables()), simulator.world.identifiers.state()


def _restore_stripe(simulator: Simulator, kept: Any) -> None:
    tables, identifiers = kept
    simulator.store.tables().clear()
    simulator.store.tables().update(duplicate(tables))
    simulator.world.reload()
    # It has counted nothing yet: it would take the same hour, played a thousand times, for one.
    simulator._api._update_limit = UpdateLimit(simulator.world)
    simulator.world.identifiers.restore(identifiers)
