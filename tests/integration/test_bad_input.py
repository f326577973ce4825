"""Bad input on every route: the status and problem of the contract, and nothing moved: not the tables, not the log, not
Stripe.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast import pages
from tests.routes import BOTH, BY_FUNCTION, CUSTOMER, EVENT, ROUTES, STAFF, Route
from tests.world import Answer, World, proxy_event

BAD, TOO_LARGE, NOT_JSON = (400, "invalid-request"), (413, "too-large"), (415, "unsupported-media-type")
NOBODY, FORBIDDEN, ABSENT = (401, "unauthenticated"), (403, "forbidden"), (404, "not-found")
CONFLICT, RULE = (409, "conflict"), (422, "rule-refused")
KEYED = [route for route in ROUTES if route.keyed]
WITH_BODY = [route for route in ROUTES if route.body is not None]


@dataclass
class Scene:
    """Alice has a booking held, one captured and refunded in part, one disputed; bob has a card; mallory nothing."""

    world: World
    held: str
    captured: str
    disputed: str
    card: str
    bobs_card: str
    keys: int = 0

    def ids(self) -> dict[str, str]:
        return {"event_id": "yoga", "booking_id": self.held, "payment_method_id": self.card}

    def ask(
        self,
        route: Route,
        *,
        role: str | None = None,
        who: str | None = None,
        body: Any = ...,
        raw: str | None = None,
        encoded: bool = False,
        key: Any = ...,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        authorizer: Any = ...,
        path: Mapping[str, str] | None = None,
    ) -> Answer:
        """A good request to the route, but for what is named here."""
        role = role or (STAFF if STAFF in route.roles else CUSTOMER)
        ids = self.ids() | ({"booking_id": self.disputed} if "/dispute" in route.resource else {})
        self.keys += 1
        event = proxy_event(
            route.method,
            route.resource,
            {name: (path or {}).get(name, ids[name]) for name in route.ids},
            user=(who or "alice") if role == CUSTOMER else None,
            staff=(who or "sam") if role == STAFF else None,
            body=self.body(route) if body is ... else body,
            raw_body=raw,
            key=(f"key-{self.keys}" if route.keyed else None) if key is ... else key,
            query=query,
            headers=headers,
        )
        event["isBase64Encoded"] = encoded
        if authorizer is not ...:
            event["requestContext"]["authorizer"] = authorizer
        return self.world.send(route.function, event)

    def body(self, route: Route) -> Any:
        if route.function == "create_refund":
            return {**(route.body or {}), "booking_id": self.captured}
        if route.function == "attach_payment_method":
            return {"payment_method_id": self.card}
        return route.body

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        before = self.world.everything()
        yield
        assert self.world.everything() == before


@pytest.fixture(scope="module")
def scene(standing_world: World) -> Scene:
    world = standing_world
    world.event()
    world.event("other", starts_in=timedelta(days=3))
    card = world.card()
    held = world.hold(key="scene-1").body["booking_id"]
    captured = world.hold(key="scene-2").body["booking_id"]
    world.on("complete", captured, staff="sam", key="scene-3")
    world.refund(captured, amount=1000, key="scene-4")
    disputed_card = world.card(card="pm_card_createDispute")
    disputed = world.hold(key="scene-5", payment_method_id=disputed_card).body["booking_id"]
    world.on("complete", disputed, staff="sam", key="scene-6")
    for event in world.stripe_events():
        world.apply_event(event)
    return Scene(world, held, captured, disputed, card, world.card("bob"))


def refused(answer: Answer, expected: tuple[int, str]) -> None:
    assert (answer.status, answer.body and answer.problem) == expected, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.body) >= {"type", "title", "status", "detail", "instance"}
    assert answer.body["instance"].startswith("request-")
    if answer.status in (400, 401, 403, 413, 415):
        assert "Idempotent-Replayed" not in answer.headers


def each_route(routes: Any) -> Any:
    return pytest.mark.parametrize("route", routes, ids=str)


# --- who calls ------------------------------------------------------------------------------------------------------

NOBODYS = {
    "no authorizer": None,
    "an empty context": {},
    "no subject": {"role": "staff", "expires_at": "4000000000"},
    "an empty subject": {"subject": "", "role": "staff", "expires_at": "4000000000"},
    "a number for a subject": {"subject": 5, "role": "staff", "expires_at": "4000000000"},
    "no role": {"subject": "sam", "expires_at": "4000000000"},
    "an unknown role": {"subject": "sam", "role": "root", "expires_at": "4000000000"},
    "no expiry": {"subject": "sam", "role": "staff"},
    "an expiry that is no number": {"subject": "sam", "role": "staff", "expires_at": "never"},
    "an expired token": {"subject": "sam", "role": "staff", "expires_at": "1700000000"},
}


@each_route(ROUTES)
def test_who_is_not_known_is_401(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        for name, context in NOBODYS.items():
            answer = scene.ask(route, authorizer=context)
            assert (name, answer.status, answer.problem) == (name, *NOBODY)
            assert answer.headers["WWW-Authenticate"] == "Bearer"


@each_route([route for route in ROUTES if route.roles != BOTH])
def test_customers_on_staff_routes_and_staff_on_customers_are_403(scene: Scene, route: Route) -> None:
    other = CUSTOMER if STAFF in route.roles else STAFF
    with scene.unchanged():
        refused(scene.ask(route, role=other), FORBIDDEN)
        refused(scene.ask(route, role=other, raw="{", body=None), FORBIDDEN)


def test_customers_cannot_ask_for_the_staff_s_list(scene: Scene) -> None:
    refused(scene.ask(BY_FUNCTION["list_bookings"], role=CUSTOMER, query={"attention": "true"}), FORBIDDEN)


def test_customers_cannot_refund_themselves_unless_the_policy_says_so(scene: Scene) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["create_refund"], role=CUSTOMER), FORBIDDEN)


@pytest.mark.parametrize(
    "function",
    ["get_booking", "list_transactions", "quote_cancellation", "cancel_booking", "move_booking", "confirm_hold"],
)
def test_other_people_s_bookings_do_not_exist(scene: Scene, function: str) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION[function], role=CUSTOMER, who="bob"), ABSENT)


def test_other_people_s_captures_are_not_refunded(scene: Scene) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["create_refund"], role=CUSTOMER, who="bob"), ABSENT)


@pytest.mark.parametrize("function", ["set_default_payment_method", "detach_payment_method"])
def test_other_people_s_cards_do_not_exist(scene: Scene, function: str) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION[function], path={"payment_method_id": scene.bobs_card}), ABSENT)


@pytest.mark.parametrize("who", ["alice", "mallory"])
def test_nobody_books_with_another_s_card(scene: Scene, who: str) -> None:
    body = {"event_id": "yoga", "payment_method_id": scene.bobs_card}
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["place_hold"], who=who, body=body), ABSENT)


@each_route([route for route in ROUTES if route.ids and route.function != "put_event"])
def test_what_does_not_exist_is_404(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        refused(scene.ask(route, path=dict.fromkeys(route.ids, "absent")), ABSENT)


@pytest.mark.parametrize("body", [{"event_id": "absent"}, {"event_id": "yoga", "payment_method_id": "pm_absent"}])
def test_booking_what_does_not_exist_is_404(scene: Scene, body: dict[str, str]) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["place_hold"], body=body), ABSENT)


def test_refunding_a_booking_that_does_not_exist_is_404(scene: Scene) -> None:
    with scene.unchanged():
        refused(
            scene.ask(BY_FUNCTION["create_refund"], body={"booking_id": "bk_absent", "reason": "duplicate"}), ABSENT
        )


# --- ids, keys, parameters ------------------------------------------------------------------------------------------


@each_route([route for route in ROUTES if route.ids])
@pytest.mark.parametrize(
    "malformed", ["a b", "x" * 256, "é", "..", "a%2Fb", "<script>", "a/b", " ", "a\n", "a;b", "*", "'", "\U0001f642"]
)
def test_a_malformed_id_is_400(scene: Scene, route: Route, malformed: str) -> None:
    with scene.unchanged():
        refused(scene.ask(route, path=dict.fromkeys(route.ids, malformed)), BAD)


@each_route([route for route in ROUTES if set(route.ids) & {"booking_id", "event_id"}])
def test_an_id_of_65_characters_is_400(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        refused(scene.ask(route, path=dict.fromkeys(route.ids, "x" * 65)), BAD)


@each_route(KEYED)
@pytest.mark.parametrize("key", [None, "", "k" * 256, "é", "a\tb", "\x7f", "a\nb"])
def test_a_missing_or_bad_key_is_400(scene: Scene, route: Route, key: str | None) -> None:
    with scene.unchanged():
        answer = scene.ask(route, key=key)
        refused(answer, BAD)
        assert [fault["pointer"].lower() for fault in answer.body["errors"]] == ["idempotency-key"]


def test_a_key_of_255_characters_is_taken(scene: Scene) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["confirm_hold"], key="k" * 255, path={"booking_id": "absent"}), ABSENT)


@each_route([route for route in ROUTES if not route.keyed and route.method == "GET"])
def test_elsewhere_the_key_is_ignored(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        for key in ("", "k" * 300, "same", "same"):
            assert scene.ask(route, key=key).status == 200


LISTS = [BY_FUNCTION[name] for name in ("list_bookings", "list_transactions", "list_payment_methods", "list_disputes")]
BAD_LIMITS = [
    "0",
    "101",
    "-1",
    "",
    " 5",
    "5 ",
    "1.0",
    "1e1",
    "0x5",
    "1_0",
    "+5",
    "five",
    "true",
    "NaN",
    "\u0663",
    "9" * 40,
]
BAD_CURSORS = [
    "",
    "x",
    "é",
    "====",
    "bm9uZQ",
    "eyJ9",
    "AAAA",
    "a" * 1025,
    "W10",
    "bnVsbA",
    "' OR 1=1",
    "W1tbW10",
    "\U0001f47b",
]


@each_route(LISTS)
def test_bad_limits_and_cursors_are_400(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        for name, values in (("limit", BAD_LIMITS), ("cursor", BAD_CURSORS)):
            for value in values:
                answer = scene.ask(route, query={name: value})
                assert (value, answer.status, answer.problem) == (value, *BAD)
                assert [fault["pointer"] for fault in answer.body["errors"]] == [name]


FORGED_POSITIONS: list[tuple[str, list[Any]]] = [
    ("bookings", ["2026-11-23T20:00:00.000000Z"]),
    ("bookings", ["2026-11-23T20:00:00.000000Z", "bk_1", "more"]),
    ("bookings", ["yesterday", "bk_1"]),
    ("bookings", ["2026-13-01T00:00:00Z", "bk_1"]),
    ("bookings", ["2026-02-30T00:00:00Z", "bk_1"]),
    ("bookings", ["1999-02-03T00:00:00Z", "bk_1"]),
    ("bookings", [5, "bk_1"]),
    ("bookings", ["2026-11-23T20:00:00Z", None]),
    ("bookings", ["2026-11-23T20:00:00Z", "a b"]),
    ("bookings", ["2026-11-23T20:00:00Z", {"S": "bk_1"}]),
    ("transactions/HELD", ["1"]),
    ("transactions/HELD", [-1]),
    ("transactions/HELD", [True]),
    ("transactions/HELD", [1.5]),
    ("transactions/HELD", [2**70]),
    ("transactions/another", [1]),
    ("payment-methods", [1]),
    ("payment-methods", []),
    ("payment-methods", ["pm_1"]),
    ("payment-methods", ["2026-01-01T00:00:00Z", "x" * 300]),
]


@pytest.mark.parametrize(("listing", "position"), FORGED_POSITIONS)
def test_a_forged_cursor_of_another_shape_or_list_is_400(scene: Scene, listing: str, position: list[Any]) -> None:
    forged = pages.encode(listing.replace("HELD", scene.held), position)
    with scene.unchanged():
        for route in LISTS:
            refused(scene.ask(route, query={"cursor": forged}), BAD)


@pytest.mark.parametrize("moment", ["2000-01-01T00:00:00Z", "2026-11-23T20:00:00Z", "2099-12-31T23:59:59.999999Z"])
@pytest.mark.parametrize(
    "narrowed",
    [{}, {"event_id": "yoga"}, {"payment_status": "held"}, {"attention": "true"}],
    ids=["all", "by event", "by status", "attention"],
)
@pytest.mark.parametrize("role", [CUSTOMER, STAFF])
def test_a_forged_but_well_formed_cursor_is_a_position_like_any_other(
    scene: Scene, moment: str, narrowed: dict[str, str], role: str
) -> None:
    if role == CUSTOMER and "attention" in narrowed:
        pytest.skip("for staff only")
    cursor = pages.encode("bookings", (moment, "bk_forged"))
    with scene.unchanged():
        answer = scene.ask(BY_FUNCTION["list_bookings"], role=role, query={"cursor": cursor, **narrowed})

    assert answer.status == 200, answer.body
    assert {item["user_id"] for item in answer.body["items"]} <= {"did:privy:alice"}
    if moment.startswith("2099") and "attention" not in narrowed:
        assert answer.body["items"]


def test_a_forged_cursor_of_the_log_or_the_cards_is_a_position_too(scene: Scene) -> None:
    log = pages.encode(f"transactions/{scene.held}", (2**40,))
    cards = pages.encode("payment-methods", ("2026-01-01T00:00:00Z", "pm_forged"))
    with scene.unchanged():
        for route, cursor in ((BY_FUNCTION["list_transactions"], log), (BY_FUNCTION["list_payment_methods"], cards)):
            answer = scene.ask(route, query={"cursor": cursor})
            assert (answer.status, answer.body) == (200, {"items": [], "next_cursor": None})


@each_route(ROUTES)
def test_an_unknown_parameter_is_400(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        answer = scene.ask(route, query={"limlt": "5"})
        refused(answer, BAD)
        assert [fault["pointer"] for fault in answer.body["errors"]] == ["limlt"]


@pytest.mark.parametrize(
    "query",
    [
        {"payment_status": "paid"},
        {"payment_status": ""},
        {"payment_status": "HELD"},
        {"event_id": ""},
        {"event_id": "a b"},
        {"event_id": "x" * 65},
        {"attention": "perhaps"},
        {"attention": ""},
    ],
    ids=str,
)
def test_bad_filters_are_400(scene: Scene, query: dict[str, str]) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["list_bookings"], query=query), BAD)


# --- bodies ---------------------------------------------------------------------------------------------------------

NOT_OBJECTS = {
    "not JSON": "{",
    "text": "event_id=yoga",
    "trailing text": "{} {}",
    "a list": "[]",
    "null": "null",
    "a number": "5",
    "a string": '"x"',
    "NaN": '{"amount": NaN}',
    "Infinity": '{"amount": -Infinity}',
    "more than a number can be": '{"amount": 1e400}',
    "a key twice": '{"amount": 1, "amount": 2}',
    "a key twice further in": '{"price": {"amount": 1, "amount": 2}}',
    "a lone surrogate": '{"reason": "\\ud800"}',
    "deep nesting": '{"a": ' + "[" * 30_000 + "]" * 30_000 + "}",
    "deep objects": '{"a":' * 9_000 + "1" + "}" * 9_000,
    "a number of 5,000 digits": '{"amount": ' + "9" * 5_000 + "}",
    "a byte order mark": "\ufeff{}",
    "a single quote": "{'amount': 1}",
    "a control character": '{"reason": "a\x00b"}',
}


@each_route(ROUTES)
def test_a_body_that_is_no_json_object_is_400_on_every_route(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        for name, raw in NOT_OBJECTS.items():
            answer = scene.ask(route, raw=raw, body=None)
            assert (name, answer.status, answer.body and answer.problem) == (name, *BAD)


@each_route(ROUTES)
def test_bytes_that_are_no_text_are_400(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        for raw in (base64.b64encode(b'{"reason": "\xff\xfe"}').decode(), "%%%", "e30", "e30=\n=="):
            refused(scene.ask(route, raw=raw, body=None, encoded=True), BAD)


@each_route(ROUTES)
def test_a_body_over_64_kib_is_413(scene: Scene, route: Route) -> None:
    padding = "x" * (64 * 1024)
    with scene.unchanged():
        refused(scene.ask(route, body={"reason": padding}), TOO_LARGE)
        refused(scene.ask(route, body={"reason": padding * 20}), TOO_LARGE)
        refused(scene.ask(route, raw="{" + " " * 64 * 1024 + "}", body=None), TOO_LARGE)
        encoded = base64.b64encode(("{" + " " * 64 * 1024 + "}").encode()).decode()
        refused(scene.ask(route, raw=encoded, body=None, encoded=True), TOO_LARGE)
        many_bytes = json.dumps({"reason": "é" * 32 * 1024}, ensure_ascii=False)
        refused(scene.ask(route, raw=many_bytes, body=None), TOO_LARGE)


@each_route(ROUTES)
@pytest.mark.parametrize(
    "declared", ["text/plain", "", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "json"]
)
def test_a_body_that_is_not_declared_as_json_is_415(scene: Scene, route: Route, declared: str) -> None:
    with scene.unchanged():
        refused(scene.ask(route, body={"a": 1}, headers={"Content-Type": declared}), NOT_JSON)


@each_route([route for route in WITH_BODY if not route.body])
@pytest.mark.parametrize("declared", ["application/x-www-form-urlencoded", "text/plain", "", "multipart/form-data"])
def test_what_no_body_declares_itself_to_be_does_not_matter(scene: Scene, route: Route, declared: str) -> None:
    """curl -X POST -d '' sends an empty form."""
    with_nothing = scene.ask(
        route, body=None, raw="", headers={"Content-Type": declared}, path={"booking_id": scene.captured}
    )

    assert with_nothing.status in (201, 404, 409), with_nothing.body


@each_route(ROUTES)
def test_an_unknown_field_is_400(scene: Scene, route: Route) -> None:
    with scene.unchanged():
        for unknown in ("amuont", "__proto__", "a/b~c", "ünbekannt", ""):
            answer = scene.ask(route, body={**(scene.body(route) or {}), unknown: 1})
            refused(answer, BAD)
            assert [fault["detail"] for fault in answer.body["errors"]] == ["This field is not known."]


@each_route([route for route in WITH_BODY if route.body])
def test_each_missing_field_is_400_and_named(scene: Scene, route: Route) -> None:
    whole = scene.body(route)
    with scene.unchanged():
        for name in whole:
            answer = scene.ask(route, body={key: value for key, value in whole.items() if key != name})
            refused(answer, BAD)
            assert [fault["pointer"] for fault in answer.body["errors"]] == [f"/{name}"]
        refused(scene.ask(route, body=None), BAD)


STRINGS = [True, 0, 5, 1.5, [], ["x"], {}, {"S": "x"}, ""]
IDS = [*STRINGS, None, "a b", "x" * 300, "é", "../x", "a\n"]
OPTIONAL_IDS = [value for value in IDS if value is not None]
TEXTS = [*STRINGS, None, " ", "\n", "a\x00b", "a\u202eb", "x" * 501]
INTEGERS = [True, False, 1.5, 5.0, "5", "", [], {}, -1, -(10**30)]
TIMES = [
    *STRINGS,
    None,
    "now",
    "2026-11-25",
    "2026-11-25T20:00:00",
    "2026-02-30T20:00:00Z",
    "1999-11-25T20:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "2026-11-25T25:00:00Z",
    "2026-11-25T20:00:60Z",
    "2026-11-25 20:00:00Z",
    "\u0662\u0660\u0662\u0666-11-25T20:00:00Z",
]
WRONG: list[tuple[str, str, list[Any]]] = [
    ("put_event", "title", [*STRINGS, None, " ", "x" * 201, "a\x07b"]),
    (
        "put_event",
        "price",
        [*STRINGS, None, {"amount": 5000}, {"currency": "eur"}, {"amount": 1, "currency": "eur", "x": 1}],
    ),
    ("put_event", "price.amount", [*INTEGERS, None, 0]),
    ("put_event", "price.currency", [*STRINGS, None, "x" * 17]),
    ("put_event", "starts_at", TIMES),
    ("put_event", "ends_at", TIMES),
    (
        "put_event",
        "timezone",
        [*STRINGS, None, "Mars/Olympus", "../etc/passwd", "x" * 65, "/etc/localtime", "Europe/Berlin\x00"],
    ),
    ("put_event", "policy", [True, 0, 1.5, [], "x", ""]),
    ("put_event", "policy.surprise", [1]),
    ("put_event", "policy.hold_ratio", [None, True, 1.2, "", "1,2", "NaN", "1e1", -1, [], "1.23456"]),
    ("put_event", "policy.free_cancellation_hours", [None, True, 1.5, 5.0, "5", "", [], {}]),
    (
        "put_event",
        "policy.no_show_fee",
        [None, *STRINGS, {"percent": 1, "amount": 1}, {"percent": 1.5}, {"amount": "1"}],
    ),
    (
        "put_event",
        "policy.cancellation_tiers",
        [None, True, "x", {}, [1], [{}], [{"hours_before": 1}], [{"percent": 1}]],
    ),
    ("put_event", "policy.no_show_capture", [None, *STRINGS, "sometimes"]),
    ("put_event", "policy.capture_on_attendance", [None, 0, "true", [], {}]),
    ("put_event", "policy.self_refund_until_hours", [True, 1.5, "5", [], {}]),
    ("put_event", "policy.on_unplaceable_hold", [None, *STRINGS, "later"]),
    (
        "set_up_payment_method",
        "stripe_version",
        [*STRINGS, None, "latest", "2026-1-1", "2026-10-28.endive\n", "x" * 300],
    ),
    ("attach_payment_method", "payment_method_id", IDS),
    ("place_hold", "event_id", [*IDS, "x" * 65]),
    ("place_hold", "payment_method_id", OPTIONAL_IDS),
    ("place_hold", "accepted_policy_hash", [*STRINGS, "x" * 129]),
    ("place_hold", "accepted_price", [*STRINGS, 5000, {"amount": 5000}, {"amount": "5000", "currency": "eur"}]),
    ("place_hold", "accepted_price", [{"amount": amount, "currency": "eur"} for amount in INTEGERS]),
    ("place_hold", "locale", [*STRINGS, "d", "de AT", "de-", "x" * 36, "de\n"]),
    ("cancel_booking", "charge_fee", [0, 1, "true", "", [], {}, 1.0]),
    ("cancel_booking", "quote", [*STRINGS, "x" * 201]),
    ("move_booking", "event_id", [*IDS, "x" * 65]),
    ("move_booking", "fresh_window", [0, 1, "true", "", [], {}, 1.0]),
    ("complete_booking", "amount", [*INTEGERS, None]),
    ("waive_no_show", "reason", TEXTS),
    ("edit_dispute_evidence", "dispute_id", OPTIONAL_IDS),
    ("edit_dispute_evidence", "evidence", [None, *(value for value in STRINGS if value != {})]),
    ("edit_dispute_evidence", "evidence.customer_name", [*STRINGS[:-1], " ", "a\x07b", "x" * 5001]),
    ("edit_dispute_evidence", "evidence.uncategorized_text", ["x" * 20_001]),
    ("edit_dispute_evidence", "evidence.receipt", ["file_1"]),
    ("submit_dispute_evidence", "dispute_id", OPTIONAL_IDS),
    ("submit_dispute_evidence", "evidence_hash", [*STRINGS, "x" * 129]),
    ("accept_dispute", "dispute_id", OPTIONAL_IDS),
    ("accept_dispute", "reason", [text for text in TEXTS if text is not None]),
    ("create_refund", "booking_id", [*IDS, "x" * 65]),
    ("create_refund", "amount", [*INTEGERS, 0, None]),
    ("create_refund", "reason", TEXTS),
]


@pytest.mark.parametrize(("function", "field", "values"), WRONG, ids=[f"{name}-{field}" for name, field, _ in WRONG])
def test_a_field_of_the_wrong_type_or_form_is_400_and_named(
    scene: Scene, function: str, field: str, values: list[Any]
) -> None:
    route = BY_FUNCTION[function]
    with scene.unchanged():
        for value in values:
            answer = scene.ask(route, body=_with(scene.body(route), field, value))
            assert (value, answer.status, answer.problem) == (value, *BAD)
            pointer = "/" + field.replace(".", "/")
            assert all(fault["pointer"].startswith(pointer) for fault in answer.body["errors"]), answer.body


def _with(body: Mapping[str, Any], field: str, value: Any) -> dict[str, Any]:
    outer, _, inner = field.partition(".")
    return {**body, outer: {**body.get(outer, {}), inner: value} if inner else value}


REFUSED_BY_RULE: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
    ("put_event", {"price": {"amount": 5000, "currency": "xxx"}}, RULE),
    ("put_event", {"price": {"amount": 5000, "currency": "EUR"}}, RULE),
    ("put_event", {"price": {"amount": 5000, "currency": "€"}}, RULE),
    ("put_event", {"price": {"amount": 49, "currency": "eur"}}, RULE),
    ("put_event", {"price": {"amount": 100_000_000, "currency": "eur"}}, RULE),
    ("put_event", {"price": {"amount": 83_333_333, "currency": "eur"}}, RULE),
    ("put_event", {"price": {"amount": 10**400, "currency": "eur"}}, RULE),
    ("put_event", {"price": {"amount": 5125, "currency": "kwd"}}, RULE),
    ("put_event", {"price": {"amount": 550, "currency": "isk"}}, RULE),
    ("put_event", {"price": {"amount": 49, "currency": "jpy"}}, RULE),
    ("put_event", {"ends_at": EVENT["starts_at"]}, RULE),
    ("put_event", {"ends_at": "2026-11-25T19:59:59Z"}, RULE),
    ("put_event", {"policy": {"hold_ratio": "0.99"}}, RULE),
    ("put_event", {"policy": {"hold_ratio": "100"}}, RULE),
    ("put_event", {"policy": {"free_cancellation_hours": -1}}, RULE),
    ("put_event", {"policy": {"settle_hours": 10**30}}, RULE),
    ("put_event", {"policy": {"no_show_fee": {"percent": 121}}}, RULE),
    ("put_event", {"policy": {"no_show_fee": {"amount": 6001}}}, RULE),
    ("put_event", {"policy": {"no_show_fee": {"amount": 10**300}}}, RULE),
    ("put_event", {"policy": {"cancellation_tiers": [{"hours_before": 1, "amount": 6001}]}}, RULE),
    ("put_event", {"policy": {"cancellation_tiers": [{"hours_before": 1, "percent": 1}] * 2}}, RULE),
    (
        "put_event",
        {"policy": {"free_cancellation_hours": 2, "cancellation_tiers": [{"hours_before": 1, "percent": 1}]}},
        RULE,
    ),
    (
        "put_event",
        {"policy": {"cancellation_tiers": [{"hours_before": 2, "percent": 9}, {"hours_before": 1, "amount": 449}]}},
        RULE,
    ),
    ("put_event", {"policy": {"no_show_grace_minutes": 10_080}}, RULE),
    ("cancel_booking", {"quote": "q1"}, RULE),
    ("cancel_booking", {"quote": "q1.AAAAAAAA.1795512600.1.0.AAAAAAAAAAAAAAAA." + "A" * 43}, RULE),
    ("charge_no_shows", {}, RULE),
    ("complete_booking", {"amount": 6001}, RULE),
    ("complete_booking", {"amount": 10**30}, RULE),
    ("complete_booking", {"amount": 1}, RULE),
    ("complete_booking", {"amount": 49}, RULE),
    ("create_refund", {"amount": 4001}, RULE),
    ("create_refund", {"amount": 10**30}, RULE),
    ("place_hold", {"accepted_policy_hash": "0" * 64}, CONFLICT),
    ("place_hold", {"accepted_price": {"amount": 4999, "currency": "eur"}}, CONFLICT),
    ("place_hold", {"accepted_price": {"amount": 5000, "currency": "usd"}}, CONFLICT),
]


@pytest.mark.parametrize(
    ("function", "changes", "expected"),
    REFUSED_BY_RULE,
    ids=[f"{row[0]}-{row[1]}"[:80] for row in REFUSED_BY_RULE],
)
def test_what_a_rule_forbids_moves_nothing(
    scene: Scene, function: str, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    route = BY_FUNCTION[function]
    body = {**scene.body(route), **changes} if route.body is not None else None
    with scene.unchanged():
        refused(scene.ask(route, body=body), expected)


@pytest.mark.parametrize(
    ("function", "changes"),
    [
        ("complete_booking", {}),
        ("complete_booking", {"amount": 0}),
        ("cancel_booking", {}),
        ("confirm_hold", {}),
        ("waive_no_show", {}),
        ("move_booking", {"event_id": "other"}),
    ],
    ids=str,
)
def test_what_the_state_forbids_moves_nothing(scene: Scene, function: str, changes: dict[str, Any]) -> None:
    route = BY_FUNCTION[function]
    with scene.unchanged():
        answer = scene.ask(route, body={**scene.body(route), **changes}, path={"booking_id": scene.captured})
        refused(answer, CONFLICT)


def test_a_closed_booking_has_no_quote(scene: Scene) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["quote_cancellation"], path={"booking_id": scene.captured}), CONFLICT)


@pytest.mark.parametrize(
    ("function", "query"),
    [
        ("quote_cancellation", {"charge_fee": "maybe"}),
        ("quote_cancellation", {"charge_fee": ""}),
        ("get_event", {"locale": "d"}),
        ("get_event", {"locale": "de\n"}),
        ("get_event", {"locale": "de " + "x" * 40}),
    ],
)
def test_a_parameter_that_is_not_understood_is_400(scene: Scene, function: str, query: dict[str, str]) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION[function], query=query), BAD)


def test_refunding_a_hold_that_was_never_captured_is_409(scene: Scene) -> None:
    with scene.unchanged():
        body = {"booking_id": scene.held, "reason": "duplicate", "amount": 1}
        refused(scene.ask(BY_FUNCTION["create_refund"], body=body), CONFLICT)


def test_booking_without_a_card_is_422(scene: Scene) -> None:
    with scene.unchanged():
        refused(scene.ask(BY_FUNCTION["place_hold"], who="mallory"), RULE)


def test_a_card_that_stripe_does_not_know_is_404(scene: Scene) -> None:
    route = BY_FUNCTION["attach_payment_method"]
    scene.ask(BY_FUNCTION["set_up_payment_method"], who="mallory")
    with scene.unchanged():
        refused(scene.ask(route, who="mallory", body={"payment_method_id": "pm_absent"}), ABSENT)
        refused(scene.ask(route, who="mallory", body={"payment_method_id": scene.card}), ABSENT)


def test_a_bad_request_leaves_its_key_free(scene: Scene) -> None:
    before = scene.world.answers()
    for route in KEYED:
        scene.ask(route, body={"surprise": 1}, key="free")
        scene.ask(route, raw="{", body=None, key="free")
        scene.ask(route, authorizer=None, key="free")

    assert scene.world.answers() == before


# --- anything at all ------------------------------------------------------------------------------------------------

NAMES = sorted(
    {name for route in ROUTES for name in (route.body or {})} | {"amount", "policy", "charge_fee", "currency"}
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["yoga", "eur", "kwd", "jpy", "duplicate", "2026-11-25T20:00:00Z", "Europe/Berlin"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=10), VALUES, max_size=6).map(json.dumps)
RAW = st.none() | BODIES | st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode())
IDS_OF_ANYBODY = st.text(min_size=1, max_size=80) | st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z") | st.just("yoga")
PARAMETERS = st.sampled_from(
    [
        "limit",
        "cursor",
        "event_id",
        "payment_status",
        "attention",
        "dispute_id",
        "due_within_hours",
        "charge_fee",
        "locale",
    ]
) | st.text(max_size=10)
QUERIES = st.none() | st.dictionaries(
    PARAMETERS, st.text(max_size=40) | st.integers().map(str) | st.sampled_from(["held", "true", "yoga"]), max_size=3
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Idempotency-Key", "content-type", "Accept", "X-Forwarded-For", "Accept-Language"]
    ),
    st.text(max_size=40) | st.sampled_from(["application/json", "application/json; charset=utf-8", "k"]),
    max_size=3,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    route=st.sampled_from([route for route in ROUTES if route.function not in ("put_event", "cancel_event")]),
    role=st.sampled_from([CUSTOMER, STAFF]),
    identifier=IDS_OF_ANYBODY,
    raw=RAW,
    encoded=st.booleans(),
    query=QUERIES,
    headers=HEADERS,
)
def test_whatever_is_sent_never_gets_a_5xx_and_never_moves_money(
    scene: Scene,
    route: Route,
    role: str,
    identifier: str,
    raw: str | None,
    encoded: bool,
    query: dict[str, str] | None,
    headers: dict[str, str],
) -> None:
    before = money_of(scene.world)

    answer = scene.ask(
        route,
        role=role,
        who="mallory",
        body=None,
        raw=raw,
        encoded=encoded,
        query=query,
        headers=headers,
        path=dict.fromkeys(route.ids, identifier),
    )

    assert answer.status < 500, answer.body
    assert money_of(scene.world) == before
    if answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    function=st.sampled_from(["complete_booking", "cancel_booking", "create_refund", "confirm_hold", "waive_no_show"]),
    body=st.dictionaries(
        st.sampled_from(["amount", "booking_id", "reason", "charge_fee"]) | st.text(max_size=5),
        VALUES.filter(lambda value: value is not None),
        min_size=1,
        max_size=3,
    ),
)
def test_any_body_about_a_booking_that_is_refused_moves_nothing(scene: Scene, function: str, body: Any) -> None:
    """On a booking whose state would refuse a good request, so that nothing here may move anything."""
    route = BY_FUNCTION[function]
    before = money_of(scene.world)

    answer = scene.ask(route, body=body, path={"booking_id": scene.captured})

    assert (400 <= answer.status < 500 and answer.status != 404) or function == "create_refund", answer.body
    assert answer.status < 500
    assert money_of(scene.world) == before


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.dictionaries(st.sampled_from([*EVENT, "policy"]), VALUES, max_size=3), policy=st.none() | VALUES)
def test_any_event_is_taken_or_refused_and_never_a_5xx(scene: Scene, changes: dict[str, Any], policy: Any) -> None:
    body = {**EVENT, **changes} | ({"policy": policy} if policy is not None else {})
    before = money_of(scene.world)

    answer = scene.ask(BY_FUNCTION["put_event"], body=body, path={"event_id": "fuzzed"})

    assert answer.status in (200, 201, 400, 413, 422), answer.body
    assert money_of(scene.world) == before


def money_of(world: World) -> dict[str, Any]:
    kept = world.everything()
    stripe = {name: kept["stripe"].get(name, {}) for name in MONEY}
    return {name: kept[name] for name in ("BookingsTable", "TransactionsTable")} | stripe


MONEY = ("payment_intent", "charge", "refund", "dispute")


def test_the_scene_has_money_to_lose(scene: Scene) -> None:
    kept = money_of(scene.world)

    assert len(kept["BookingsTable"]) == 3
    assert [len(kept[name]) for name in MONEY] == [3, 3, 1, 1]
    assert scene.world.booking(scene.held).starts_at - scene.world.time() == timedelta(days=2)
