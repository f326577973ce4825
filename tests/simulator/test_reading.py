"""Reading: access, lists, expansion, search, ids that do not exist."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import stripe

from local.stripe_simulator import Simulator
from local.stripe_simulator.in_process import InProcessHTTPClient
from tests.simulator.stage import Stage, refused


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer sk_test_right", 200),
        ("Basic " + base64.b64encode(b"sk_test_right:").decode(), 200),
        ("Bearer sk_test_wrong", 401),
        ("Basic !!!", 401),
        ("Bearer pk_test_mine", 403),
    ],
)
def test_the_key_opens_the_door(raw, simulator: Simulator, authorization: str, status: int):
    guarded = Simulator(secret_key="sk_test_right", publishable_key="pk_test_mine")
    simulator.handle = guarded.handle  # type: ignore[method-assign]
    headers = {"authorization": authorization} if authorization else {}

    assert raw("GET", "/v1/customers", headers=headers)[0] == status


def test_without_a_key_of_its_own_any_test_key_will_do_but_no_live_one(raw):
    assert raw("GET", "/v1/customers", headers={"authorization": "Bearer sk_test_any"})[0] == 200
    assert raw("GET", "/v1/customers", headers={"authorization": "Bearer sk_live_any"})[0] == 401


def test_a_wrong_key_is_not_repeated(raw):
    _, body, _ = raw("GET", "/v1/customers", headers={"authorization": "Bearer " + "sk_" + "live_verysecretkey1234"})

    assert "verysecret" not in body["error"]["message"]


def test_a_phone_may_mint_a_payment_method_and_read_its_intent():
    guarded = Simulator(secret_key="sk_test_right", publishable_key="pk_test_mine")
    server = stripe.StripeClient("sk_test_right", http_client=InProcessHTTPClient(guarded))
    phone = stripe.StripeClient("pk_test_mine", http_client=InProcessHTTPClient(guarded))
    intent = server.v1.payment_intents.create({"amount": 1200, "currency": "usd"})

    assert phone.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    assert phone.v1.payment_intents.retrieve(intent.id, {"client_secret": str(intent.client_secret)}).id == intent.id
    assert refused(phone.v1.payment_intents.retrieve, intent.id)["status"] == 403
    assert refused(phone.v1.payment_intents.retrieve, intent.id, {"client_secret": "wrong"})["status"] == 400


def test_every_answer_names_request_and_version(raw):
    _, _, headers = raw("GET", "/v1/customers")
    assert headers["Stripe-Version"] == "2026-10-28.endive"
    asked = {"authorization": "Bearer sk_test_x", "stripe-version": "2025-01-01.acacia"}
    assert raw("GET", "/v1/customers", headers=asked)[2]["Stripe-Version"] == "2025-01-01.acacia"


@pytest.mark.parametrize(
    ("path", "words", "param"),
    [
        ("/v1/payment_intents/pi_x", "No such payment_intent: 'pi_x'", "intent"),
        ("/v1/payment_intents/pi_x/capture", "No such payment_intent: 'pi_x'", "intent"),
        ("/v1/payment_intents/pi_x/cancel", "No such payment_intent: 'pi_x'", "intent"),
        ("/v1/payment_intents/pi_x/confirm", "No such payment_intent: 'pi_x'", "intent"),
        ("/v1/customers/cus_x", "No such customer: 'cus_x'", "id"),
        ("/v1/payment_methods/pm_x", "No such PaymentMethod: 'pm_x'", "payment_method"),
        ("/v1/payment_methods/pm_x/detach", "No such PaymentMethod: 'pm_x'", "payment_method"),
        ("/v1/setup_intents/seti_x", "No such setupintent: 'seti_x'", "intent"),
        ("/v1/charges/ch_x", "No such charge: 'ch_x'", "id"),
        ("/v1/refunds/re_x", "No such refund: 're_x'", "id"),
        ("/v1/disputes/du_x", "No such dispute: 'du_x'", "id"),
        ("/v1/disputes/du_x/close", "No such dispute: 'du_x'", "id"),
        ("/v1/events/evt_x", "No such event: 'evt_x'", "id"),
    ],
)
def test_an_id_in_the_path_that_does_not_exist_is_404(raw, path: str, words: str, param: str):
    method = "POST" if path.count("/") == 4 else "GET"
    status, body, _ = raw(method, path)

    assert (status, body["error"]["code"], body["error"]["param"]) == (404, "resource_missing", param)
    assert body["error"]["message"] == words


def test_an_unknown_url_is_404(raw):
    status, body, _ = raw("GET", "/v1/payment_plans/x")
    assert (status, body["error"]["type"]) == (404, "invalid_request_error")
    assert "Unrecognized request URL (GET: /v1/payment_plans/x)" in body["error"]["message"]


def test_a_list_begins_with_the_newest_ten(stage: Stage):
    ids = [stage.client.v1.customers.create().id for _ in range(12)]
    page = stage.client.v1.customers.list()

    assert [each.id for each in page.data] == ids[:1:-1]
    assert (page.has_more, page.url) == (True, "/v1/customers")


def test_pages_follow_each_other_without_gap_or_overlap(stage: Stage):
    ids = [stage.client.v1.customers.create().id for _ in range(7)]
    pages = stage.client.v1.customers.list({"limit": 3})

    assert [each.id for each in pages.auto_paging_iter()] == ids[::-1]


def test_a_page_before_a_cursor_lies_next_to_it(stage: Stage):
    ids = [stage.client.v1.customers.create().id for _ in range(6)][::-1]
    before = stage.client.v1.customers.list({"limit": 2, "ending_before": ids[4]})
    after = stage.client.v1.customers.list({"limit": 2, "starting_after": ids[4]})

    assert ([each.id for each in before.data], before.has_more) == (ids[2:4], True)
    assert ([each.id for each in after.data], after.has_more) == (ids[5:], False)


@pytest.mark.parametrize("limit", [0, 101, -1])
def test_a_page_has_1_to_100(stage: Stage, limit: int):
    assert refused(stage.client.v1.customers.list, {"limit": limit})["status"] == 400
    assert stage.client.v1.customers.list({"limit": 1}).data == []
    assert stage.client.v1.customers.list({"limit": 100}).data == []


def test_a_bad_cursor_is_400_not_404(stage: Stage):
    error = refused(stage.client.v1.customers.list, {"starting_after": "cus_x"})

    assert (error["status"], error["code"], error["param"]) == (400, "resource_missing", "starting_after")
    both = {"starting_after": stage.customer, "ending_before": stage.customer}
    assert refused(stage.client.v1.customers.list, both)["status"] == 400


@pytest.mark.parametrize(
    ("created", "found"),
    [({"gte": 10}, 2), ({"gt": 10}, 1), ({"lte": 10}, 2), ({"lt": 10}, 1), ({"gte": 10, "lt": 20}, 1), (10, 1)],
)
def test_created_narrows_a_list(stage: Stage, created: dict[str, int] | int, found: int):
    start = stage.now()
    for _ in range(3):
        stage.client.v1.customers.create()
        stage.simulator.advance(10)
    wanted: Any = start + created if isinstance(created, int) else {name: start + n for name, n in created.items()}

    assert len(stage.client.v1.customers.list({"created": wanted}).data) == found


def test_payment_intents_are_listed_by_customer_and_moment(stage: Stage):
    """How recovery finds a payment whose answer was lost."""
    early = stage.hold()
    stage.simulator.advance(60)
    late = stage.hold()
    stage.client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    since = {"customer": stage.customer, "created": {"gte": stage.now()}}

    assert [each.id for each in stage.client.v1.payment_intents.list({"customer": stage.customer})] == [
        late.id,
        early.id,
    ]
    assert [each.id for each in stage.client.v1.payment_intents.list(since)] == [late.id]  # type: ignore[arg-type]


def test_charges_are_listed_by_payment_intent(stage: Stage):
    intent = stage.hold()
    stage.hold()

    (charge,) = stage.client.v1.charges.list({"payment_intent": intent.id}).data
    assert charge.id == intent.latest_charge


def test_expansion_reaches_through_objects_and_lists(stage: Stage):
    intent = stage.captured(stage.card())
    paths = ["latest_charge.balance_transaction", "customer", "payment_method.customer"]
    full = stage.client.v1.payment_intents.retrieve(intent.id, {"expand": paths}).to_dict()

    assert full["latest_charge"]["balance_transaction"]["type"] == "charge"
    assert full["customer"]["email"] == "alice@example.com"
    assert full["payment_method"]["customer"]["id"] == stage.customer
    page = stage.client.v1.payment_intents.list({"expand": ["data.latest_charge"]}).to_dict()
    assert page["data"][0]["latest_charge"]["object"] == "charge"
    held = stage.hold(expand=["latest_charge"]).to_dict()
    assert held["latest_charge"]["payment_method_details"]["card"]["capture_before"]


def test_expanding_changes_nothing_for_the_next_reader(stage: Stage):
    intent = stage.hold(expand=["latest_charge", "customer"])

    assert isinstance(stage.intent(intent.id)["customer"], str)


@pytest.mark.parametrize(
    "path",
    ["amount", "nonsense", "latest_charge.amount", "customer.invoice_settings.default_payment_method.customer.x"],
)
def test_what_is_no_reference_cannot_be_expanded(stage: Stage, path: str):
    intent = stage.hold(stage.card())
    stage.client.v1.customers.update(
        stage.customer, {"invoice_settings": {"default_payment_method": str(intent.payment_method)}}
    )

    assert refused(stage.client.v1.payment_intents.retrieve, intent.id, {"expand": [path]})["status"] == 400


def test_search_finds_by_metadata_and_status(stage: Stage):
    wanted = stage.hold(metadata={"booking": "b1"})
    stage.hold(metadata={"booking": "b2"})
    query = "metadata['booking']:'b1' AND status:'requires_capture'"

    assert [each.id for each in stage.client.v1.payment_intents.search({"query": query}).data] == [wanted.id]
    assert refused(stage.client.v1.payment_intents.search, {"query": "amount>5"})["status"] == 400


def test_events_are_listed_by_type_and_delivery(stage: Stage):
    stage.captured()
    charges = stage.client.v1.events.list({"type": "charge.*", "limit": 100}).data
    two = stage.client.v1.events.list({"types": ["charge.captured", "payment_intent.created"]}).data

    assert {each.type for each in charges} == {"charge.succeeded", "charge.captured"}
    assert [each.type for each in two] == ["charge.captured", "payment_intent.created"]
    assert stage.client.v1.events.list({"delivery_success": False}).data == []
    assert stage.client.v1.events.retrieve(two[0].id).type == "charge.captured"


def test_an_event_names_the_request_behind_it(stage: Stage, inspector):
    stage.client.v1.customers.create({}, {"idempotency_key": "k"})
    (event,) = stage.client.v1.events.list({"type": "customer.created"}).data

    assert event.request is not None
    assert event.request.idempotency_key == "k"
    assert str(event.request.id).startswith("req_")
