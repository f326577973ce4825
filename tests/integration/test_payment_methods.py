"""Cards: set up, kept, listed, made the default, forgotten; one Stripe customer per user, however many ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from holdfast import bootstrap
from tests.world import Answer, World


def set_up(world: World, user: str = "alice", **body: Any) -> Answer:
    return world.call("set_up_payment_method", "POST", "/payment-methods/setup", user=user, body=body)


def attach(world: World, card: str, user: str = "alice") -> Answer:
    return world.call("attach_payment_method", "POST", "/payment-methods", user=user, body={"payment_method_id": card})


def listed(world: World, user: str = "alice", **query: str) -> Answer:
    return world.call("list_payment_methods", "GET", "/payment-methods", user=user, query=query)


def on_card(world: World, verb: str, card: str, user: str = "alice") -> Answer:
    function, method, resource = {
        "default": ("set_default_payment_method", "PUT", "/payment-methods/{payment_method_id}/default"),
        "detach": ("detach_payment_method", "DELETE", "/payment-methods/{payment_method_id}"),
    }[verb]
    return world.call(function, method, resource, user=user, payment_method_id=card)


def ids(answer: Answer) -> list[str]:
    return [card["id"] for card in answer.body["items"]]


def customers(world: World) -> list[Any]:
    return list(world.stripe.v1.customers.list({"limit": 100}).data)


@pytest.fixture
def three_cards(world: World) -> list[str]:
    """Oldest first."""
    cards = []
    for number in ("pm_card_visa", "pm_card_mastercard", "pm_card_amex"):
        cards.append(world.card(card=number))
        world.advance(minutes=1)
    return cards


def test_set_up_gives_the_phone_what_it_needs(world: World) -> None:
    answer = set_up(world)

    assert answer.status == 201, answer.body
    assert set(answer.body) == {
        "customer_id",
        "setup_intent_id",
        "client_secret",
        "ephemeral_key_secret",
        "publishable_key",
    }
    (customer,) = customers(world)
    intent = world.stripe.v1.setup_intents.retrieve(answer.body["setup_intent_id"])
    assert (answer.body["customer_id"], intent.customer, intent.usage) == (customer.id, customer.id, "off_session")
    assert answer.body["client_secret"].startswith(intent.id)
    assert answer.body["publishable_key"] == "pk_test_world"


def test_nothing_of_the_user_goes_to_stripe_but_a_fingerprint(world: World) -> None:
    set_up(world)

    (customer,) = customers(world)
    assert "alice" not in str(customer)
    assert customer.metadata["deployment"] == "holdfast-test"


@pytest.mark.parametrize("body", [None, {}, {"stripe_version": "2026-10-28.endive"}])
def test_set_up_needs_no_body(world: World, body: Any) -> None:
    answer = world.call("set_up_payment_method", "POST", "/payment-methods/setup", user="alice", body=body)

    assert answer.status == 201, answer.body


def test_set_up_again_is_another_intent_of_the_same_customer(world: World) -> None:
    first, second = set_up(world), set_up(world)

    assert first.body["customer_id"] == second.body["customer_id"]
    assert first.body["setup_intent_id"] != second.body["setup_intent_id"]
    assert len(customers(world)) == 1


def test_users_have_customers_of_their_own(world: World) -> None:
    assert set_up(world, "alice").body["customer_id"] != set_up(world, "bob").body["customer_id"]


def test_many_first_calls_at_once_create_one_customer(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: set_up(world) if n % 2 else attach(world, "pm_card_visa"), range(16)))

    assert {answer.status for answer in answers} <= {201, 503}
    assert len(customers(world)) == 1
    assert len({answer.body["customer_id"] for answer in answers if "customer_id" in answer.body}) == 1


def test_a_customer_whose_creation_ended_in_a_server_error_is_looked_for_and_found(world: World) -> None:
    world.simulator.add_fault("fail_after", match={"path": "/v1/customers", "method": "POST"}, times=50)

    answer = set_up(world)

    assert (answer.status, answer.body["customer_id"]) == (201, customers(world)[0].id)
    assert len(customers(world)) == 1


@pytest.mark.parametrize("fault", ["timeout_after", "drop_after"])
def test_a_customer_whose_creation_was_not_heard_of_is_not_created_twice(world: World, fault: str) -> None:
    world.simulator.add_fault(fault, match={"path": "/v1/customers", "method": "POST"}, times=50)
    first = set_up(world)
    world.simulator.control("DELETE", "/_simulator/faults")

    for pause in (timedelta(0), timedelta(hours=25)):
        world.advance(seconds=pause.total_seconds())
        again = set_up(world)

    if fault == "fail_after":  # Stripe answered, so the customer could be looked for at once
        assert first.status == 201, first.body
    else:
        assert first.status == 503
        assert int(first.headers["Retry-After"]) > 0
    assert again.status == 201, again.body
    assert len(customers(world)) == 1


@pytest.mark.parametrize("fault", ["fail_before", "unavailable"])
def test_whoever_asked_during_an_outage_is_served_when_it_is_over(world: World, fault: str) -> None:
    """Stripe replays a 500 under its key for a day, so the next try needs another key."""
    world.simulator.add_fault(fault, match={"path": "/v1/customers", "method": "POST"}, times=0)
    for _ in range(5):
        assert set_up(world).status == 503
        world.advance(minutes=1)
    world.simulator.control("DELETE", "/_simulator/faults")

    answer = set_up(world)

    assert (answer.status, len(customers(world))) == (201, 1)


def test_a_day_later_the_customer_is_found_rather_than_created_again(world: World) -> None:
    world.simulator.add_fault("timeout_after", match={"path": "/v1/customers", "method": "POST"}, times=50)
    set_up(world)
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(hours=25)

    answer = set_up(world)

    assert (answer.status, answer.body["customer_id"]) == (201, customers(world)[0].id)
    assert len(customers(world)) == 1


def test_an_api_version_that_stripe_does_not_know_is_400_or_taken(world: World) -> None:
    answer = set_up(world, stripe_version="2011-01-01")

    assert answer.status in (201, 400)
    if answer.status == 400:
        assert answer.body["errors"][0]["pointer"] == "/stripe_version"


def test_the_first_card_is_the_default(world: World, three_cards: list[str]) -> None:
    cards = listed(world).body["items"]

    assert [card["id"] for card in cards] == three_cards[::-1]
    assert [card["is_default"] for card in cards] == [False, False, True]
    assert [card["brand"] for card in cards] == ["amex", "mastercard", "visa"]
    assert set(cards[0]) == {"id", "brand", "last4", "exp_month", "exp_year", "country", "is_default"}


def test_attaching_one_s_own_again_changes_nothing(world: World, three_cards: list[str]) -> None:
    before = listed(world).body

    answer = attach(world, three_cards[0])

    assert (answer.status, answer.body["id"], answer.body["is_default"]) == (201, three_cards[0], True)
    assert listed(world).body == before


@pytest.mark.parametrize(("user", "status"), [("alice", 201), ("bob", 404)])
def test_where_stripe_refuses_a_card_twice_its_owner_is_told_the_same_and_nobody_else(
    world: World, three_cards: list[str], user: str, status: int
) -> None:
    """Whether it does is nowhere written."""
    world.simulator.switches.change({"reattach_refused": True})

    answer = attach(world, three_cards[0], user=user)

    assert answer.status == status, answer.body
    assert (three_cards[0] in ids(listed(world, user))) is (status == 201)


def test_another_s_card_is_404_and_stays_theirs(world: World, three_cards: list[str]) -> None:
    answer = attach(world, three_cards[0], user="bob")

    assert (answer.status, answer.problem) == (404, "not-found")
    assert ids(listed(world, "bob")) == []
    assert three_cards[0] in ids(listed(world))


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedStolenCard", None),
        ("pm_card_visa_chargeDeclinedLostCard", None),
    ],
)
def test_a_card_that_the_bank_refuses_is_402_and_not_kept(world: World, card: str, code: str | None) -> None:
    answer = attach(world, card)

    assert (answer.status, answer.problem) == (402, "card-declined")
    assert answer.body.get("decline_code") in (code, "generic_decline")
    assert "stolen" not in str(answer.body)
    assert "lost" not in str(answer.body)
    assert ids(listed(world)) == []


def test_while_stripe_is_down_nothing_is_kept_and_503_says_so(world: World) -> None:
    set_up(world)
    world.simulator.add_fault("unavailable", match={"path": "/v1/payment_methods/*"}, times=50)

    answer = attach(world, "pm_card_visa")

    assert (answer.status, answer.problem) == (503, "stripe-unavailable")
    assert ids(listed(world)) == []


def test_cards_are_listed_in_pages_newest_first(world: World, three_cards: list[str]) -> None:
    first = listed(world, limit="2")
    second = listed(world, limit="2", cursor=first.body["next_cursor"])

    assert ids(first) + ids(second) == three_cards[::-1]
    assert second.body["next_cursor"] is None
    assert listed(world, limit="3").body["next_cursor"] is None


def test_a_page_goes_on_where_it_was_when_a_card_is_added_meanwhile(world: World, three_cards: list[str]) -> None:
    first = listed(world, limit="1")
    world.card(card="pm_card_discover")

    assert ids(listed(world, cursor=first.body["next_cursor"])) == three_cards[1::-1]


def test_a_page_goes_on_where_it_was_when_the_last_card_it_showed_is_forgotten(
    world: World, three_cards: list[str]
) -> None:
    first = listed(world, limit="1")
    on_card(world, "detach", three_cards[2])

    assert ids(listed(world, cursor=first.body["next_cursor"])) == three_cards[1::-1]


def test_whoever_dies_between_forgetting_the_default_and_choosing_another_leaves_the_newest_as_default(
    world: World, three_cards: list[str]
) -> None:
    """Two calls that forget cards at once can leave a default that is gone, too."""
    assert [card["is_default"] for card in listed(world).body["items"]] == [False, False, True]
    key = {"user_id": {"S": "did:privy:alice"}, "payment_method_id": {"S": three_cards[0]}}
    bootstrap.dynamodb().delete_item(TableName="PaymentMethodsTable", Key=key)

    assert [card["is_default"] for card in listed(world).body["items"]] == [True, False]
    world.event()
    assert world.booking(world.hold().body["booking_id"]).payment_method_id == three_cards[2]


def test_another_card_can_be_the_default(world: World, three_cards: list[str]) -> None:
    answer = on_card(world, "default", three_cards[2])

    assert (answer.status, answer.body["id"], answer.body["is_default"]) == (200, three_cards[2], True)
    assert [card["id"] for card in listed(world).body["items"] if card["is_default"]] == [three_cards[2]]
    world.event()
    booking_id = world.hold().body["booking_id"]
    assert world.booking(booking_id).payment_method_id == three_cards[2]


def test_a_card_that_is_forgotten_is_gone_here_and_at_stripe(world: World, three_cards: list[str]) -> None:
    answer = on_card(world, "detach", three_cards[1])

    assert (answer.status, answer.body) == (204, None)
    assert ids(listed(world)) == [three_cards[2], three_cards[0]]
    assert world.stripe.v1.payment_methods.retrieve(three_cards[1]).customer is None
    assert on_card(world, "detach", three_cards[1]).status == 404
    assert on_card(world, "default", three_cards[1]).status == 404


def test_when_the_default_goes_the_newest_takes_its_place_and_the_last_leaves_none(
    world: World, three_cards: list[str]
) -> None:
    defaults = []
    for card in three_cards:
        on_card(world, "detach", card)
        defaults += [[each["id"] for each in listed(world).body["items"] if each["is_default"]]]

    assert defaults == [[three_cards[2]], [three_cards[2]], []]
    world.event()
    assert world.hold().status == 422
    assert listed(world, "alice").body["items"] == []
    again = world.card()
    assert [card["id"] for card in listed(world).body["items"] if card["is_default"]] == [again]


def test_a_card_that_an_open_booking_needs_cannot_be_forgotten(world: World, three_cards: list[str]) -> None:
    world.event()
    booking_id = world.hold(payment_method_id=three_cards[1]).body["booking_id"]
    before = world.everything()

    refused = on_card(world, "detach", three_cards[1])

    assert (refused.status, refused.problem) == (409, "conflict")
    assert world.everything() == before
    assert on_card(world, "detach", three_cards[0]).status == 204
    world.on("cancel", booking_id, user="alice")
    assert on_card(world, "detach", three_cards[1]).status == 204


@pytest.mark.parametrize("fault", ["unavailable", "rate_limit", "timeout_before", "fail_before"])
def test_while_stripe_is_down_the_card_stays_and_can_be_used(world: World, three_cards: list[str], fault: str) -> None:
    world.simulator.add_fault(fault, match={"path": "*/detach"}, times=50)

    refused = on_card(world, "detach", three_cards[0])

    assert (refused.status, refused.problem) == (503, "stripe-unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert three_cards[0] in ids(listed(world))
    world.event()
    assert world.hold(payment_method_id=three_cards[0]).status == 201


def test_a_detach_that_stripe_did_but_did_not_answer_is_finished_by_the_next_try(
    world: World, three_cards: list[str]
) -> None:
    world.simulator.add_fault("timeout_after", match={"path": "*/detach"}, times=50)
    first = on_card(world, "detach", three_cards[0])
    world.simulator.control("DELETE", "/_simulator/faults")

    second = on_card(world, "detach", three_cards[0])

    assert (first.status, second.status) in {(503, 204), (204, 404)}
    assert three_cards[0] not in ids(listed(world))


def test_a_card_that_is_forgotten_while_it_is_attached_again_is_told_as_it_was(
    world: World, three_cards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    users = bootstrap.store().users
    monkeypatch.setattr(users, "cards", lambda user_id: type(users).cards(users, user_id)[:-1])

    answer = attach(world, three_cards[0])

    assert (answer.status, answer.body["id"], answer.body["is_default"]) == (201, three_cards[0], False)


def test_booking_and_forgetting_a_card_at_once_never_leaves_a_booking_without_its_card(world: World) -> None:
    world.event()
    card = world.card()
    with ThreadPoolExecutor(4) as pool:
        held = pool.submit(lambda: world.hold().status)
        forgotten = pool.submit(lambda: on_card(world, "detach", card).status)

    assert (held.result(), forgotten.result()) in {(201, 409), (404, 204), (422, 204)}
