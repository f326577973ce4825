"""Two tries of one request at once that both find nothing to move: both are told the same, whatever changes between.

Found by a history (stories/two_answers_to_one_request.json); here it happens at the one instant at which it can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from functions.change_payment_method.handler import app
from holdfast import bootstrap
from tests.instances import UnderWay
from tests.simulation.deployment import Deployment
from tests.simulation.places import EVENING, book, in_memory, put_event, save_card
from tests.world import Answer


def use_the_same_card(deployment: Deployment, booking_id: str) -> Answer:
    body = {"payment_method_id": bootstrap.store().users.cards("did:privy:alice")[0].payment_method_id}
    resource = "/bookings/{booking_id}/payment-method"
    answer = deployment.call(
        "change_payment_method", "PUT", resource, user="alice", key="k", body=body, booking_id=booking_id
    )
    assert answer is not None
    return answer


def reprice(deployment: Deployment, booking_id: str) -> Answer | None:
    body = {"price": {"amount": 4000, "currency": "eur"}, "consent": "By telephone."}
    resource = "/bookings/{booking_id}/reprice"
    return deployment.call("reprice_booking", "POST", resource, staff="sam", body=body, booking_id=booking_id)


def test_two_tries_at_once_that_move_nothing_are_told_the_same() -> None:
    with in_memory() as deployment:
        put_event(deployment, "yoga", EVENING + timedelta(days=3))
        save_card(deployment, "alice")
        booking_id = book(deployment, "alice", "yoga")
        others: list[Answer] = []

        def meanwhile(operation: str, given: Mapping[str, Any], perform: Callable[[], Any]) -> Any:
            """As the first try is about to keep its answer, the price changes and a second try comes and goes."""
            if operation == "PutItem" and given["Item"]["key"]["S"].startswith("request#"):
                deployment.tables.around = None
                kept = UnderWay.take(app)
                assert (answer := reprice(deployment, booking_id)) is not None
                assert answer.status == 200, answer.body
                others.append(use_the_same_card(deployment, booking_id))
                kept.put_back()
            return perform()

        deployment.tables.around = meanwhile
        first = use_the_same_card(deployment, booking_id)

        assert len(others) == 1
        assert (first.status, first.body) == (others[0].status, others[0].body)
        again = use_the_same_card(deployment, booking_id)
        assert (again.status, again.body) == (first.status, first.body)
