"""Over HTTP, row by row: idempotency keys, retries, limits, lists, amounts and webhooks."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from tests.simulator.remote import RemoteStage
from tests.simulator.stage import refused
from tests.simulator.test_over_http import SECRET, Hooks

ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split()


def post(stage: RemoteStage, path: str, fields: dict[str, Any], key: str) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", stage.process.port, timeout=10)
    headers = {"Authorization": f"Bearer {SECRET}", "Idempotency-Key": key}
    connection.request("POST", path, urlencode(fields), headers)
    response = connection.getresponse()
    answer = response.status, response.read(), response.headers
    connection.close()
    return answer


DECLINES = {"amount": 1200, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa_chargeDeclined"}


@pytest.mark.parametrize(
    ("fields", "fault", "status"),
    [({**DECLINES, "payment_method": "pm_card_visa"}, None, 200), (DECLINES, None, 402), (DECLINES, "fail_after", 500)],
)
def test_what_was_executed_is_replayed_byte_for_byte(far: RemoteStage, fields: Any, fault: str | None, status: int):
    if fault:
        far.process.control("POST", "faults", {"kind": fault})
    first = post(far, "/v1/payment_intents", fields, "k")
    again = post(far, "/v1/payment_intents", fields, "k")

    assert (first[0], again[0], again[1]) == (status, status, first[1])
    assert (first[2].get("Idempotent-Replayed"), again[2]["Idempotent-Replayed"]) == (None, "true")
    assert first[2]["Idempotency-Key"] == again[2]["Idempotency-Key"] == "k"
    assert len(far.client.v1.payment_intents.list().data) == 1


@pytest.mark.parametrize("fields", [{"currency": "usd"}, {**DECLINES, "amount": "x"}, {**DECLINES, "nonsense": 1}])
def test_what_was_not_valid_is_not_stored(far: RemoteStage, fields: Any):
    assert post(far, "/v1/payment_intents", fields, "k")[0] == 400
    assert post(far, "/v1/payment_intents", {"amount": 1200, "currency": "usd"}, "k")[0] == 200


def test_other_parameters_and_other_paths_are_refused(far: RemoteStage):
    one, two = far.hold().id, far.hold().id
    assert post(far, f"/v1/payment_intents/{one}/capture", {"amount_to_capture": 100}, "k")[0] == 200
    for path, amount in ((one, 200), (two, 100)):
        status, body, _ = post(far, f"/v1/payment_intents/{path}/capture", {"amount_to_capture": amount}, "k")
        error = json.loads(body)["error"]

        assert (status, error["type"]) == (400, "idempotency_error")
        assert error["message"].startswith(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            "using a key other than 'k'"
        )
    sdk = refused(far.client.v1.payment_intents.capture, one, {"amount_to_capture": 1}, {"idempotency_key": "k"})
    assert sdk["raised"] == "IdempotencyError"


def test_a_key_has_255_characters_and_a_day_to_live(far: RemoteStage):
    assert post(far, "/v1/customers", {}, "k" * 255)[0] == 200
    assert post(far, "/v1/customers", {}, "k" * 256)[0] == 400
    first = json.loads(post(far, "/v1/customers", {}, "k")[1])["id"]
    far.simulator.advance(86_400)
    assert json.loads(post(far, "/v1/customers", {}, "k")[1])["id"] == first
    far.simulator.advance(1)
    assert json.loads(post(far, "/v1/customers", {}, "k")[1])["id"] != first


@pytest.mark.parametrize(
    ("fault", "should_retry", "tries"),
    [("rate_limit", None, 1), ("conflict", None, 3), ("unavailable", None, 3), ("unavailable", False, 1),
     ("rate_limit", True, 3)],
)  # fmt: skip
def test_the_sdk_retries_409_and_5xx_and_never_a_bare_429(
    far: RemoteStage, monkeypatch: pytest.MonkeyPatch, fault: str, should_retry: bool | None, tries: int
):
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
    made = far.process.control("POST", "faults", {"kind": fault, "times": 0, "should_retry": should_retry})
    patient = stripe.StripeClient(
        SECRET, base_addresses={"api": far.process.url}, http_client=far.transport, max_network_retries=2
    )
    refused(patient.v1.customers.create, {})

    (seen,) = far.process.control("GET", "faults")["faults"]
    assert (seen["id"], seen["hits"]) == (made["id"], tries)


def test_a_429_says_which(far: RemoteStage):
    for kind in ("rate_limit", "lock_timeout"):
        far.process.control("POST", "faults", {"kind": kind})
        error = refused(far.client.v1.customers.list)
        assert (error["status"], error["code"], error["type"]) == (429, kind, "invalid_request_error")


def test_a_payment_takes_a_thousand_updates_an_hour(far: RemoteStage):
    """The documented limit, made smaller here so that the test is short."""
    assert far.process.control("GET", "switches")["payment_intent_updates_per_hour"] == 1000
    far.switch(payment_intent_updates_per_hour=3)
    intent, other = far.hold(), far.hold()
    update = far.client.v1.payment_intents.update
    for n in range(3):
        update(intent.id, {"metadata": {"n": str(n)}})

    error = refused(update, intent.id, {"metadata": {"n": "4"}})
    assert (error["status"], error["code"]) == (429, "rate_limit")
    assert far.intent(intent.id)["metadata"] == {"n": "2"}
    assert update(other.id, {"metadata": {"n": "0"}}).id == other.id
    far.simulator.advance(3601)
    assert update(intent.id, {"metadata": {"n": "5"}}).id == intent.id


def test_metadata_has_its_limits_and_is_unset_by_an_empty_text(far: RemoteStage):
    create = far.client.v1.customers.create
    full = create({"metadata": {f"{n:040}": "v" * 500 for n in range(50)}})
    assert len(full.to_dict()["metadata"]) == 50
    for wrong in ({f"k{n}": "v" for n in range(51)}, {"k" * 41: "v"}, {"k": "v" * 501}, {"a[b]": "v"}):
        assert refused(create, {"metadata": wrong})["status"] == 400
    update = far.client.v1.customers.update
    made = create({"metadata": {"a": "1", "b": "2"}}).id
    assert update(made, {"metadata": {"a": ""}}).to_dict()["metadata"] == {"b": "2"}
    assert update(made, {"metadata": ""}).to_dict()["metadata"] == {}


def test_lists_show_ten_newest_first_up_to_a_hundred(far: RemoteStage):
    ids = [far.client.v1.customers.create({}).id for _ in range(12)]
    page = far.client.v1.customers.list
    assert [each.id for each in page().data] == ids[:1:-1]
    assert [each.id for each in page({"limit": 2, "starting_after": ids[5]}).data] == ids[4:2:-1]
    assert [each.id for each in page({"limit": 2, "ending_before": ids[5]}).data] == ids[7:5:-1]
    assert len(page({"limit": 100}).data) == 12
    for limit in (0, 101):
        assert refused(page, {"limit": limit})["status"] == 400


@pytest.mark.parametrize(("currency", "least"), [("usd", 50), ("gbp", 30), ("eur", 50), ("jpy", 50)])
def test_small_amounts_are_refused_unless_switched_off(far: RemoteStage, currency: str, least: int):
    create = far.client.v1.payment_intents.create
    error = refused(create, {"amount": least - 1, "currency": currency})
    assert (error["status"], error["code"], error["param"]) == (400, "amount_too_small", "amount")
    assert create({"amount": least, "currency": currency}).amount == least
    far.switch(enforce_minimum_amount=False)
    assert create({"amount": 40, "currency": currency}).amount == 40


@pytest.mark.parametrize("currency", ZERO_DECIMAL)
def test_zero_decimal_currencies_are_written_without_decimals(far: RemoteStage, currency: str):
    intent = far.captured(amount=120_000, currency=currency.lower())
    error = refused(far.client.v1.refunds.create, {"payment_intent": intent.id, "amount": 120_100})

    written = "1,201.00" if currency == "UGX" else "120,100"
    assert written in error["message"], "UGX alone is given in hundredths"


def test_each_retry_is_signed_afresh_and_a_rolled_secret_signs_twice(far: RemoteStage, hooks: Hooks):
    url = f"http://127.0.0.1:{hooks.server_port}/"
    made = far.client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"], "api_version": "2024-06-20"})
    hooks.answers = [500]
    far.client.v1.customers.create({})
    hooks.wait_for(1)
    rolled = far.process.control("POST", f"webhook_endpoints/{made.id}/roll_secret", {})["secret"]
    far.simulator.advance(10)
    hooks.wait_for(2)

    (once, first), (twice, second) = hooks.seen
    assert (once.count("v1="), twice.count("v1=")) == (1, 2)
    for header, payload, secret in ((once, first, made.secret), (twice, second, made.secret), (twice, second, rolled)):
        event = stripe.Webhook.construct_event(payload, header, str(secret))
        assert event.api_version == "2024-06-20"
    assert json.loads(first)["id"] == json.loads(second)["id"]
    assert set(json.loads(first)) == {
        *("id", "object", "api_version", "created", "data", "livemode", "pending_webhooks", "request", "type"),
    }


def test_an_event_is_a_snapshot_however_late_it_comes(far: RemoteStage, hooks: Hooks):
    url = f"http://127.0.0.1:{hooks.server_port}/"
    far.process.control("POST", "webhooks", {"mode": "hold"})
    far.client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    far.captured()
    ids = [row["event"] for row in far.process.control("GET", "webhooks")["deliveries"]]
    far.simulator.advance(86_400)
    far.process.control("POST", "webhooks", {"deliver": ids[::-1]})

    payloads = [json.loads(payload) for _, payload in hooks.seen]
    assert [each["id"] for each in payloads] == ids[::-1]
    states = [each["data"]["object"]["status"] for each in payloads if each["type"].startswith("payment_intent")]
    assert states == ["succeeded", "requires_capture", "requires_confirmation"]
