"""Do the terms of a policy fit together? The free window and the tiers, the fees and the hold, the waits and a capture.

Faults are `RuleRefused`, and name the term: every fault of the policy in one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

from holdfast import money
from holdfast.errors import FieldError, RuleRefused
from holdfast.money import Money
from holdfast.policy_terms import Amount, Charge, Percent, Policy, Tier, charge_name, due

ROOT: Final = "/policy"
# Grace and contest run after the start, while the money has to stay on the card: together they fit into the shortest
# authorization that there is (Visa, merchant-initiated: 4 days 18 hours), less 2 hours for the capture itself.
LONGEST_WAIT_MINUTES: Final = (4 * 24 + 18 - 2) * 60


def fitted(policy: Policy, given: Collection[str]) -> Policy:
    """The policy with the free window and the tiers meeting where only one of the two was `given`: the other is the
    default's, and was made for another one.

    Given tiers only, the free window ends where the widest of them begins. Given a window only, the tiers are those
    that charge after it: wider ones are cut at its end, and where all are narrower the widest is stretched to it.
    """
    tiers = policy.cancellation_tiers
    if not tiers or ("cancellation_tiers" in given) == ("free_cancellation_hours" in given):
        return policy
    if "cancellation_tiers" in given:
        return replace(policy, free_cancellation_hours=max(tier.hours_before for tier in tiers))
    return replace(policy, cancellation_tiers=_beginning_at(policy.free_cancellation_hours, tiers))


def _beginning_at(hours: int, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """The tier that charges when `hours` are left begins there, and wider ones fall away."""
    inside = [tier for tier in tiers if tier.hours_before <= hours]
    if any(tier.hours_before == hours for tier in inside):
        return tuple(inside)
    outside = [tier for tier in tiers if tier.hours_before > hours]
    first = (
        min(outside, key=lambda tier: tier.hours_before) if outside else max(inside, key=lambda tier: tier.hours_before)
    )
    kept = [tier for tier in tiers if tier is first or tier in inside]
    return tuple(replace(tier, hours_before=hours) if tier is first else tier for tier in kept)


def check(policy: Policy) -> None:
    """Raise `RuleRefused` unless the terms fit together, whatever the price."""
    faults = [
        *_hold(policy),
        *_window(policy),
        *_falling(policy, lambda charge: Fraction(charge.percent) if isinstance(charge, Percent) else None),
        *_falling(policy, lambda charge: Fraction(charge.amount) if isinstance(charge, Amount) else None),
        *_waits(policy),
    ]
    _raise(faults)


def check_against(policy: Policy, price: Money) -> None:
    """Raise `RuleRefused` where for `price` a fee would exceed the hold, or fall as the start comes nearer."""
    hold = money.hold_amount(price, policy.hold_ratio)
    faults = [
        FieldError(at, f"A fee cannot exceed the hold, which is {hold} for this price.")
        for at, charge in _fees(policy)
        if charge.of(price) > hold
    ]
    _raise(faults or list(_falling(policy, lambda charge: Fraction(due(charge, price, hold)))))


def _fees(policy: Policy) -> Iterator[tuple[str, Charge]]:
    for index, tier in enumerate(policy.cancellation_tiers):
        yield f"{ROOT}/cancellation_tiers/{index}/{charge_name(tier.charge)}", tier.charge
    yield f"{ROOT}/no_show_fee/{charge_name(policy.no_show_fee)}", policy.no_show_fee


def _hold(policy: Policy) -> Iterator[FieldError]:
    """No percentage may ask for more than is held: known before any price is."""
    most = policy.hold_ratio * 100
    for at, charge in _fees(policy):
        if isinstance(charge, Percent) and charge.percent > most:
            yield FieldError(at, f"A fee cannot exceed the hold, which is {most.normalize():f} percent of the price.")


def _window(policy: Policy) -> Iterator[FieldError]:
    """The widest tier begins where the free window ends; without tiers cancelling is free to the end."""
    if not policy.cancellation_tiers:
        return
    index, widest = max(enumerate(policy.cancellation_tiers), key=lambda pair: pair[1].hours_before)
    at = f"{ROOT}/cancellation_tiers/{index}/hours_before"
    free, begins = policy.free_cancellation_hours, widest.hours_before
    if begins < free:
        yield FieldError(
            at,
            f"There is a gap: cancelling is free until {free} h before the start, and the widest tier begins {begins} "
            f"h before it. Let one begin at {free}, or set free_cancellation_hours to {begins}.",
        )
    if begins > free:
        yield FieldError(
            at,
            f"They overlap: this tier begins {begins} h before the start, and cancelling is free until {free} h before "
            f"it. Set free_cancellation_hours to {begins}, or let no tier begin before {free}.",
        )


def _falling(policy: Policy, worth: Callable[[Charge], Fraction | None]) -> Iterator[FieldError]:
    """Whoever waits must not pay less: a narrower tier costs at least what every wider one does."""
    dearest: tuple[Fraction, int] | None = None
    tiers = sorted(enumerate(policy.cancellation_tiers), key=lambda pair: -pair[1].hours_before)
    for index, tier in tiers:
        costs = worth(tier.charge)
        if costs is None:
            continue
        if dearest is not None and costs < dearest[0]:
            yield FieldError(
                f"{ROOT}/cancellation_tiers/{index}/{charge_name(tier.charge)}",
                f"Cancelling less than {tier.hours_before} h before the start would cost less than doing so earlier, "
                f"in the tier of {dearest[1]} h.",
            )
        else:
            dearest = costs, tier.hours_before


def _waits(policy: Policy) -> Iterator[FieldError]:
    if policy.no_show_grace_minutes + policy.no_show_contest_minutes > LONGEST_WAIT_MINUTES:
        yield FieldError(
            f"{ROOT}/no_show_contest_minutes",
            f"Grace and contest can be {LONGEST_WAIT_MINUTES} minutes together: the hold has to outlive them.",
        )


def _raise(faults: list[FieldError]) -> None:
    if faults:
        raise RuleRefused(faults[0].detail, faults)
