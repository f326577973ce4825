"""The controls: clock, switches, state, reset, and how they refuse."""

from __future__ import annotations

import dataclasses
import json

import pytest

from local.stripe_simulator import Simulator
from local.stripe_simulator.switches import Switches
from local.stripe_simulator.wire import Request
from tests.simulator.stage import Stage


def test_the_clock_is_real_time_plus_an_offset():
    moment = [1_795_464_000.0]
    simulator = Simulator(clock=lambda: moment[0])
    assert simulator.control("GET", "/_simulator/clock") == {
        "now": "2026-11-23T20:00:00.000000Z",
        "offset_seconds": 0.0,
        "frozen": False,
    }
    simulator.advance(60.5)
    moment[0] += 1

    clock = simulator.control("GET", "/_simulator/clock")
    assert (clock["now"], clock["offset_seconds"]) == ("2026-11-23T20:01:01.500000Z", 60.5)
    moved = simulator.control("POST", "/_simulator/clock", {"now": "2026-12-01T00:00:00+01:00"})
    assert moved["now"] == "2026-11-30T23:00:00.000000Z"


def test_a_frozen_clock_moves_only_when_told():
    moment = [1_795_464_000.0]
    simulator = Simulator(clock=lambda: moment[0])
    simulator.control("POST", "/_simulator/clock", {"freeze": True})
    moment[0] += 100
    assert simulator.control("GET", "/_simulator/clock")["now"] == "2026-11-23T20:00:00.000000Z"
    told = {"now": simulator.control("GET", "/_simulator/clock")["now"]}
    assert simulator.control("POST", "/_simulator/clock", told)["now"] == told["now"]
    simulator.advance(5)
    thawed = simulator.control("POST", "/_simulator/clock", {"freeze": False})
    assert thawed["now"] == "2026-11-23T20:00:05.000000Z"
    moment[0] += 1

    assert simulator.control("GET", "/_simulator/clock")["now"] == "2026-11-23T20:00:06.000000Z"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        {"advance_seconds": -1},
        {"advance_seconds": "1"},
        {"advance_seconds": True},
        {"advance_seconds": 1e30},
        {"now": "2020-01-01T00:00:00Z"},
        {"now": "2027-01-01T00:00:00"},
        {"now": "tomorrow"},
        {"now": "2027-01-01T00:00:00Z", "advance_seconds": 1},
        {"freeze": "yes"},
        {"freeze": True, "advance_seconds": -1},
        {"speed": 2},
    ],
)
def test_the_clock_refuses_what_it_cannot_do(stage: Stage, wrong: object):
    before = stage.simulator.control("GET", "/_simulator/clock")
    answer = stage.simulator.handle(Request("POST", "/_simulator/clock", "", {}, json.dumps(wrong).encode()))

    assert answer.status == 400
    assert json.loads(answer.content)["error"]["message"]
    assert stage.simulator.control("GET", "/_simulator/clock") == before


def test_what_is_not_json_and_not_a_control_is_refused(stage: Stage):
    bad = stage.simulator.handle(Request("POST", "/_simulator/clock", "", {}, b"{"))
    unknown = stage.simulator.handle(Request("GET", "/_simulator/weather", "", {}, b""))

    assert (bad.status, unknown.status) == (400, 404)
    assert "POST /_simulator/clock" in json.loads(unknown.content)["error"]["message"]


def test_every_switch_can_be_read_and_changed(stage: Stage):
    switches = stage.simulator.control("GET", "/_simulator/switches")
    assert set(switches) == {each.name for each in dataclasses.fields(Switches)}
    for name, value in switches.items():
        assert stage.simulator.control("PATCH", "/_simulator/switches", {name: value}) == switches


@pytest.mark.parametrize(
    "wrong",
    [
        {"no_such": True},
        {"enforce_minimum_amount": 1},
        {"refund_settlement_seconds": "1"},
        {"refund_settlement_seconds": -1},
        {"rate_limit_per_second": 1.5},
        {"webhook_retry_seconds": [1, "x"]},
        {"expiry_cancellation_reason": "bored"},
        {"account_api_version": ""},
        {"enforce_minimum_amount": False, "no_such": True},
        [],
    ],
)
def test_a_switch_takes_only_what_fits(stage: Stage, wrong: object):
    before = stage.simulator.control("GET", "/_simulator/switches")
    with pytest.raises(ValueError, match=r"."):
        stage.simulator.control("PATCH", "/_simulator/switches", wrong)
    assert stage.simulator.control("GET", "/_simulator/switches") == before


def test_the_state_shows_everything(stage: Stage):
    intent = stage.hold()
    state = stage.simulator.control("GET", "/_simulator/state")

    assert [each["id"] for each in state["objects"]["payment_intent"]] == [intent.id]
    assert state["clock"]["frozen"] is False
    assert state["objects"]["timer"][0]["subject"] == intent.id


def test_a_reset_forgets_everything_but_what_is_to_be_kept(stage: Stage):
    stage.client.v1.webhook_endpoints.create({"url": "http://localhost/x", "enabled_events": ["*"]})
    stage.hold()
    stage.simulator.advance(100)
    stage.simulator.switches.change({"enforce_minimum_amount": False})
    stage.simulator.add_fault("unavailable")
    moved = stage.simulator.control("GET", "/_simulator/clock")
    stage.simulator.control("POST", "/_simulator/reset", {"keep_webhook_endpoints": True, "keep_clock": True})

    assert stage.simulator.control("GET", "/_simulator/clock") == moved
    assert stage.client.v1.payment_intents.list().data == []
    assert len(stage.client.v1.webhook_endpoints.list().data) == 1
    assert stage.simulator.switches == Switches()
    stage.simulator.control("POST", "/_simulator/reset")
    assert stage.simulator.control("GET", "/_simulator/clock")["offset_seconds"] == 0
    assert stage.client.v1.webhook_endpoints.list().data == []
    stage.simulator.advance(30 * 86_400)
    assert stage.events() == []


def test_it_is_healthy(stage: Stage):
    assert stage.simulator.control("GET", "/_simulator/health") == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("payment_intents/pi_x/authenticate", {"outcome": "succeeded"}),
        ("setup_intents/seti_x/authenticate", {"outcome": "succeeded"}),
        ("payment_intents/pi_x/expire", {}),
        ("refunds/re_x", {"status": "failed"}),
        ("disputes/du_x", {"status": "won"}),
    ],
)
def test_a_control_over_nothing_is_404(stage: Stage, path: str, body: dict[str, str]):
    answer = stage.simulator.handle(Request("POST", f"/_simulator/{path}", "", {}, json.dumps(body).encode()))

    assert answer.status == 404
