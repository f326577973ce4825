"""Over HTTP, row by row: idempotency keys, retries, limits, lists, amounts and webhooks."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from tests.simulator.remote import FarStage
from tests.simulator.stage import refused
from tests.simulator.test_over_http import SECRET, Hooks

ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split()
FAULT = pytest.mark.simulated("a fault is asked for")
LATER = pytest.mark.simulated("the clock is moved by days")
SWITCHED = pytest.mark.simulated("a switch is turned")
DELIVERED = pytest.mark.simulated("webhooks are delivered to this machine")
PAYS: dict[str, Any] = {
    "amount": 1200,
    "currency": "usd",
    "confirm": "true",
    "allowed_payment_method_types[0]": "card",
    "payment_method": "pm_card_visa",
}
DECLINES = {**PAYS, "payment_method": "pm_card_visa_chargeDeclined"}


def replayed(stage: FarStage, fields: dict[str, Any], status: int) -> None:
    """The same request under the same key, twice: done once, and answered alike to the byte."""
    given, key = {**fields, "customer": stage.customer}, stage.key()
    first = stage.post("/v1/payment_intents", given, key)
    again = stage.post("/v1/payment_intents", given, key)

    assert (first[0], again[0], again[1]) == (status, status, first[1])
    assert (first[2].get("Idempotent-Replayed"), again[2]["Idempotent-Replayed"]) == (None, "true")
    assert first[2]["Idempotency-Key"] == again[2]["Idempotency-Key"] == key
    assert len(stage.client.v1.payment_intents.list({"customer": stage.customer}).data) == 1


@pytest.mark.parametrize(("fields", "status"), [(PAYS, 200), (DECLINES, 402)], ids=["200", "402"])
def test_what_was_executed_is_replayed_byte_for_byte(far: FarStage, fields: Any, status: int):
    replayed(far, fields, status)


@FAULT
def test_a_500_is_replayed_byte_for_byte(far: FarStage):
    assert far.customer
    far.control("POST", "faults", {"kind": "fail_after"})
    replayed(far, PAYS, 500)


def test_a_replay_has_a_request_id_of_its_own_inferred(far: FarStage):
    key = far.key()
    first, again = (far.post("/v1/customers", {"email": "a@example.com"}, key)[2] for _ in range(2))

    assert again["Request-Id"] != first["Request-Id"]
    assert again["Original-Request"] == first["Request-Id"]


@pytest.mark.parametrize(
    "fields", [{"currency": "usd"}, {**DECLINES, "amount": "x"}, {**DECLINES, "nonsense": 1}], ids=str
)
def test_what_was_not_valid_is_not_stored(far: FarStage, fields: Any):
    key = far.key()
    assert far.post("/v1/payment_intents", fields, key)[0] == 400
    assert far.post("/v1/payment_intents", {"amount": 1200, "currency": "usd"}, key)[0] == 200


def reused(stage: FarStage, first: str, second: str, amount: int) -> None:
    key = stage.key()
    assert stage.post(f"/v1/payment_intents/{first}/capture", {"amount_to_capture": 100}, key)[0] == 200
    status, body, _ = stage.post(f"/v1/payment_intents/{second}/capture", {"amount_to_capture": amount}, key)
    error = json.loads(body)["error"]

    assert (status, error["type"]) == (400, "idempotency_error")
    assert error["message"].startswith(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
        f"using a key other than '{key}'"
    )
    params: Any = {"amount_to_capture": amount}
    sdk = refused(stage.client.v1.payment_intents.capture, second, params, {"idempotency_key": key})
    assert sdk["raised"] == "IdempotencyError"


def test_other_parameters_are_refused(far: FarStage):
    one = far.hold().id
    reused(far, one, one, 200)


def test_another_path_is_refused_inferred(far: FarStage):
    reused(far, far.hold().id, far.hold().id, 100)


def test_a_key_has_255_characters(far: FarStage):
    assert far.post("/v1/customers", {}, far.key(255))[0] == 200
    assert far.post("/v1/customers", {}, far.key(256))[0] == 400


def test_a_key_is_remembered_and_another_is_another(far: FarStage):
    key = far.key()
    first = json.loads(far.post("/v1/customers", {}, key)[1])["id"]

    assert json.loads(far.post("/v1/customers", {}, key)[1])["id"] == first
    assert json.loads(far.post("/v1/customers", {}, far.key())[1])["id"] != first


@LATER
def test_a_key_has_a_day_to_live_inferred(far: FarStage):
    """At least a day is documented; that it is forgotten right after it is the strictest reading."""
    key = far.key()
    first = json.loads(far.post("/v1/customers", {}, key)[1])["id"]
    far.advance(86_400)
    assert json.loads(far.post("/v1/customers", {}, key)[1])["id"] == first
    far.advance(1)
    assert json.loads(far.post("/v1/customers", {}, key)[1])["id"] != first


@FAULT
@pytest.mark.parametrize(
    ("fault", "should_retry", "tries"),
    [("rate_limit", None, 1), ("conflict", None, 3), ("unavailable", None, 3), ("unavailable", False, 1),
     ("rate_limit", True, 3)],
)  # fmt: skip
def test_the_sdk_retries_409_and_5xx_and_never_a_bare_429(
    far: FarStage, monkeypatch: pytest.MonkeyPatch, fault: str, should_retry: bool | None, tries: int
):
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
    made = far.control("POST", "faults", {"kind": fault, "times": 0, "should_retry": should_retry})
    refused(far.client_of(SECRET, retries=2).v1.customers.create, {})

    (seen,) = far.control("GET", "faults")["faults"]
    assert (seen["id"], seen["hits"]) == (made["id"], tries)


@FAULT
@pytest.mark.parametrize("kind", ["rate_limit", pytest.param("lock_timeout", id="lock_timeout_inferred")])
def test_a_429_says_which(far: FarStage, kind: str):
    far.control("POST", "faults", {"kind": kind})
    error = refused(far.client.v1.customers.list)

    assert (error["status"], error["code"], error["type"]) == (429, kind, "invalid_request_error")


@FAULT
def test_a_409_has_a_code_and_this_type_inferred(far: FarStage):
    far.control("POST", "faults", {"kind": "conflict"})
    error = refused(far.client.v1.customers.create, {})

    assert (error["status"], error["code"], error["type"]) == (409, "idempotency_key_in_use", "idempotency_error")


@SWITCHED
def test_a_payment_takes_a_thousand_updates_an_hour(far: FarStage):
    """The documented limit, made smaller here so that the test is short."""
    assert far.control("GET", "switches")["payment_intent_updates_per_hour"] == 1000
    far.switch(payment_intent_updates_per_hour=3)
    intent, other = far.hold(), far.hold()
    update = far.client.v1.payment_intents.update
    for n in range(3):
        update(intent.id, {"metadata": {"n": str(n)}})

    error = refused(update, intent.id, {"metadata": {"n": "4"}})
    assert (error["status"], error["code"]) == (429, "rate_limit")
    assert far.intent(intent.id)["metadata"] == {**far.tag, "n": "2"}
    assert update(other.id, {"metadata": {"n": "0"}}).id == other.id
    far.advance(3601)
    assert update(intent.id, {"metadata": {"n": "5"}}).id == intent.id


def test_metadata_has_its_limits_and_is_unset_by_an_empty_text(far: FarStage):
    create = far.client.v1.customers.create
    full = create({"metadata": {f"{n:040}": "v" * 500 for n in range(50)}})
    assert len(full.to_dict()["metadata"]) == 50
    for wrong in ({f"k{n}": "v" for n in range(51)}, {"k" * 41: "v"}, {"k": "v" * 501}, {"a[b]": "v"}):
        assert refused(create, {"metadata": wrong})["status"] == 400
    update = far.client.v1.customers.update
    made = create({"metadata": {"a": "1", "b": "2"}}).id
    assert update(made, {"metadata": {"a": ""}}).to_dict()["metadata"] == {"b": "2"}
    assert update(made, {"metadata": ""}).to_dict()["metadata"] == {}


def test_lists_show_ten_newest_first_up_to_a_hundred(far: FarStage):
    ours: Any = {"email": f"{far.run}@example.com"}
    ids = [far.new_customer(**ours) for _ in range(12)]

    def page(**params: Any) -> list[str]:
        wanted: Any = {**ours, **params}
        return [each.id for each in far.client.v1.customers.list(wanted).data]

    assert far.becomes(12, lambda: len(page(limit=100))) == 12
    assert page() == ids[:1:-1]
    assert page(limit=2, starting_after=ids[5]) == ids[4:2:-1]
    assert page(limit=2, ending_before=ids[5]) == ids[7:5:-1]
    for limit in (0, 101):
        assert refused(page, limit=limit)["status"] == 400


def small(stage: FarStage, amount: int, currency: str) -> tuple[object, ...]:
    given: Any = {"amount": amount, "currency": currency, "metadata": stage.tag}
    try:
        return ("taken", stage.client.v1.payment_intents.create(given).amount)
    except stripe.InvalidRequestError as error:
        return (error.http_status, error.code, error.param)


TOO_SMALL = (400, "amount_too_small", "amount")
LEAST = [("usd", 50), ("gbp", 30), ("eur", 50), ("jpy", 50)]


@pytest.mark.parametrize(("currency", "least"), LEAST)
def test_a_small_amount_is_taken_or_refused_so_inferred(far: FarStage, currency: str, least: int):
    """A recorded sandbox took 40 and 49 cents, the documentation names 50: both are answers to be ready for."""
    assert small(far, least - 1, currency) in [("taken", least - 1), TOO_SMALL]
    assert small(far, least, currency) == ("taken", least)


@SWITCHED
@pytest.mark.parametrize(("currency", "least"), LEAST)
def test_small_amounts_are_refused_unless_switched_off_inferred(far: FarStage, currency: str, least: int):
    assert small(far, least - 1, currency) == TOO_SMALL
    far.switch(enforce_minimum_amount=False)
    assert small(far, 20, currency) == ("taken", 20)


@pytest.mark.parametrize("currency", ZERO_DECIMAL)
def test_zero_decimal_currencies_are_written_without_decimals_inferred(far: FarStage, currency: str):
    """Which they are is documented; how a refusal writes them is known of dollars only."""
    intent = far.captured(amount=1_200_000, currency=currency.lower())
    error = refused(far.client.v1.refunds.create, {"payment_intent": intent.id, "amount": 1_200_100})

    written = "12,001.00" if currency == "UGX" else "1,200,100"
    assert written in error["message"], "UGX alone is given in hundredths"


@DELIVERED
def test_each_retry_is_signed_afresh_and_a_rolled_secret_signs_twice_inferred(far: FarStage, hooks: Hooks):
    url = f"http://127.0.0.1:{hooks.server_port}/"
    made = far.client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"], "api_version": "2024-06-20"})
    hooks.answers = [500]
    far.client.v1.customers.create({})
    hooks.wait_for(1)
    rolled = far.control("POST", f"webhook_endpoints/{made.id}/roll_secret", {})["secret"]
    far.advance(10)
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


@DELIVERED
def test_an_event_is_a_snapshot_however_late_it_comes(far: FarStage, hooks: Hooks):
    url = f"http://127.0.0.1:{hooks.server_port}/"
    far.control("POST", "webhooks", {"mode": "hold"})
    far.client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    far.captured()
    ids = [row["event"] for row in far.control("GET", "webhooks")["deliveries"]]
    far.advance(86_400)
    far.control("POST", "webhooks", {"deliver": ids[::-1]})

    payloads = [json.loads(payload) for _, payload in hooks.seen]
    assert [each["id"] for each in payloads] == ids[::-1]
    states = [each["data"]["object"]["status"] for each in payloads if each["type"].startswith("payment_intent")]
    assert states[:2] == ["succeeded", "requires_capture"]


def test_a_payment_is_created_before_it_is_confirmed_inferred(far: FarStage):
    """What the snapshot in `payment_intent.created` shows of a payment that was created and confirmed at once."""
    far.hold()
    (created,) = [event for event in far.told() if event["type"] == "payment_intent.created"]

    assert created["data"]["object"]["status"] == "requires_confirmation"
