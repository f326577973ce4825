"""A policy as a whole: the free window and the tiers meet, fees do not fall, and nothing outgrows the hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import money, policy
from holdfast.default_policy import DefaultPolicyRefused, default_policy
from holdfast.errors import RuleRefused
from holdfast.money import Money
from holdfast.policy import DEFAULT, cancellation_fee, check_against, from_json, resolve
from holdfast.policy_terms import charge_json
from tests.unit.builders import BOOKED, START

PRICE = Money(5000, "eur")


def tiers(*pairs, **more):
    return {"cancellation_tiers": [{"hours_before": hours, **charge} for hours, charge in pairs]} | more


def percent(share):
    return {"percent": share}


def amount(minor):
    return {"amount": minor}


def refused(call, *arguments) -> list[tuple[str, str]]:
    with pytest.raises(RuleRefused) as caught:
        call(*arguments)
    return [(fault.pointer.removeprefix("/policy"), fault.detail) for fault in caught.value.errors]


# --- the free window and the tiers ------------------------------------------------------------------------------------


def test_a_gap_between_the_free_window_and_the_widest_tier_is_refused_and_names_it():
    [(at, why)] = refused(resolve, tiers((2, percent(100)), (24, percent(50)), free_cancellation_hours=48))

    assert at == "/cancellation_tiers/1/hours_before"
    assert "gap" in why
    assert "free until 48 h" in why


def test_a_tier_that_begins_before_the_free_window_ends_overlaps_it():
    [(at, why)] = refused(resolve, tiers((48, percent(50)), (24, percent(100)), free_cancellation_hours=24))

    assert at == "/cancellation_tiers/0/hours_before"
    assert "overlap" in why


def test_two_tiers_with_the_same_hours_overlap():
    [(at, why)] = refused(resolve, tiers((24, percent(50)), (24, percent(100))))

    assert at == "/cancellation_tiers/1/hours_before"
    assert "overlap" in why


@pytest.mark.parametrize(
    "terms",
    [
        tiers((48, percent(50)), (24, percent(100)), free_cancellation_hours=48),
        tiers((0, percent(100)), free_cancellation_hours=0),
        tiers(free_cancellation_hours=48),
        tiers(free_cancellation_hours=0),
        tiers((24, percent(0)), (2, percent(100)), free_cancellation_hours=24),
    ],
    ids=str,
)
def test_a_window_that_ends_where_the_widest_tier_begins_is_accepted(terms):
    resolved = resolve(terms)

    assert resolved.to_json() == DEFAULT.to_json() | terms


@pytest.mark.parametrize(
    ("given", "window"),
    [
        (tiers((48, percent(50)), (24, percent(100))), 48),
        (tiers((12, percent(50))), 12),
        (tiers((0, percent(50))), 0),
        (tiers(), 24),  # without tiers cancelling is always free
    ],
    ids=str,
)
def test_given_tiers_only_the_free_window_ends_where_the_widest_begins(given, window):
    assert resolve(given) == replace(from_json(DEFAULT.to_json() | given), free_cancellation_hours=window)


LADDER = resolve(tiers((24, percent(50)), (12, percent(80)), (2, percent(100))))


@pytest.mark.parametrize(
    ("window", "hours", "shares"),
    [
        (48, (48, 12, 2), (50, 80, 100)),  # the widest is stretched to the window
        (24, (24, 12, 2), (50, 80, 100)),
        (18, (18, 12, 2), (50, 80, 100)),  # and cut at it
        (12, (12, 2), (80, 100)),
        (6, (6, 2), (80, 100)),
        (1, (1,), (100,)),
        (0, (0,), (100,)),
    ],
)
def test_given_a_window_only_the_defaults_tiers_are_fitted_to_it(window, hours, shares):
    fitted = resolve({"free_cancellation_hours": window}, LADDER)

    assert fitted.free_cancellation_hours == window
    assert tuple(tier.hours_before for tier in fitted.cancellation_tiers) == hours
    assert [charge_json(tier.charge)["percent"] for tier in fitted.cancellation_tiers] == list(shares)


@given(st.integers(0, 24), st.integers(0, 30 * 3600))
def test_a_window_that_cuts_the_defaults_tiers_changes_no_fee(window, before):
    """Only what the window makes free anyway is cut away."""
    moment = START - timedelta(seconds=before)
    unfitted = from_json(LADDER.to_json() | {"free_cancellation_hours": window})

    fees = [
        cancellation_fee(each, PRICE, 6000, now=moment, starts_at=START, created_at=BOOKED).amount
        for each in (unfitted, resolve({"free_cancellation_hours": window}, LADDER))
    ]

    assert fees[0] == fees[1]


# --- fees that fall, or outgrow the hold ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "at"),
    [
        (tiers((24, percent(80)), (2, percent(50))), "/cancellation_tiers/1/percent"),
        (tiers((2, percent(50)), (24, percent(80))), "/cancellation_tiers/0/percent"),
        (tiers((24, amount(900)), (2, amount(899))), "/cancellation_tiers/1/amount"),
        (tiers((24, percent(80)), (12, amount(1)), (2, percent(79))), "/cancellation_tiers/2/percent"),
    ],
    ids=str,
)
def test_cancelling_later_must_not_cost_less(given, at):
    assert [pointer for pointer, _ in refused(resolve, given)] == [at]


def test_a_percentage_and_an_amount_are_compared_once_the_price_is_known():
    mixed = resolve(tiers((24, percent(50)), (2, amount(3000))))

    check_against(mixed, Money(6000, "eur"))
    [(at, why)] = refused(check_against, mixed, Money(6002, "eur"))
    assert at == "/cancellation_tiers/1/amount"
    assert "2 h" in why
    assert "24 h" in why


def test_every_tier_above_the_hold_is_named():
    given = tiers((24, percent(121)), (2, percent(200)), no_show_fee=percent("120.0001"))

    assert [at for at, _ in refused(resolve, given)] == [
        "/cancellation_tiers/0/percent",
        "/cancellation_tiers/1/percent",
        "/no_show_fee/percent",
    ]


def test_every_amount_above_the_hold_is_named_once_the_price_is_known():
    given = resolve(tiers((24, amount(6001)), (2, amount(7000)), no_show_fee=amount(6001)))

    assert [at for at, _ in refused(check_against, given, PRICE)] == [
        "/cancellation_tiers/0/amount",
        "/cancellation_tiers/1/amount",
        "/no_show_fee/amount",
    ]


def test_faults_of_every_kind_come_in_one_answer():
    given = tiers((12, percent(130)), (2, percent(10)), free_cancellation_hours=24, no_show_grace_minutes=9000)

    assert [at for at, _ in refused(resolve, given)] == [
        "/cancellation_tiers/0/percent",
        "/cancellation_tiers/0/hours_before",
        "/cancellation_tiers/1/percent",
        "/no_show_contest_minutes",
    ]


@given(st.integers(1, 10_000_000), st.sampled_from(sorted(money.CURRENCIES)), st.decimals(1, 2, places=4))
def test_a_fee_that_equals_the_hold_is_accepted_and_one_step_more_is_not(steps, currency, ratio):
    price = Money(steps * money.minor_step(currency), currency)
    hold = money.hold_amount(price, ratio)
    equal = resolve(tiers((24, amount(hold)), hold_ratio=str(ratio), no_show_fee=amount(hold)))
    above = resolve({"no_show_fee": amount(hold + money.minor_step(currency)), "hold_ratio": str(ratio)})

    check_against(equal, price)
    assert policy.no_show_fee(equal, price, hold).amount in (hold, 0)  # 0: less than Stripe charges
    assert [at for at, _ in refused(check_against, above, price)] == ["/no_show_fee/amount"]


# --- grace and contest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grace", "contest", "fits"), [(30, 6690, True), (30, 6691, False), (6720, 0, True)])
def test_grace_and_contest_fit_into_the_shortest_authorization_together(grace, contest, fits):
    given = {"no_show_grace_minutes": grace, "no_show_contest_minutes": contest}

    if fits:
        assert resolve(given).no_show_contest_minutes == contest
    else:
        assert [at for at, _ in refused(resolve, given)] == ["/no_show_contest_minutes"]


# --- what was stored, and the deployment's default --------------------------------------------------------------------


def test_a_policy_that_was_accepted_by_older_rules_is_still_read():
    stored = DEFAULT.to_json() | tiers((12, percent(80)), (2, percent(50)), free_cancellation_hours=48)

    assert from_json(stored).to_json() == stored


def test_the_deployments_default_is_read_like_a_policy():
    assert default_policy("{}") == DEFAULT
    assert default_policy('{"free_cancellation_hours": 48}').cancellation_tiers[0].hours_before == 48


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"surprise": 1}', "/surprise: This field is not known."),
        ('{"no_show_fee": {"percent": 130}}', "/no_show_fee/percent: A fee cannot exceed the hold"),
        (
            '{"free_cancellation_hours": 48, "cancellation_tiers": [{"hours_before": 24, "percent": 100}]}',
            "/cancellation_tiers/0/hours_before: There is a gap",
        ),
    ],
)
def test_a_default_that_cannot_be_used_names_the_parameter_and_the_term(text, said):
    with pytest.raises(DefaultPolicyRefused) as refused_default:
        default_policy(text)

    assert "DefaultPolicy" in str(refused_default.value)
    assert said in str(refused_default.value)
