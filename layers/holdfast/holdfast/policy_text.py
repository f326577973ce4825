"""Says a policy in words, in the customer's language, for the customer who is about to accept it.

Pure. The text is logged with the booking: PSD2 wants consent to the exact amount that is blocked.
"""

from __future__ import annotations

from holdfast import money
from holdfast.money import Money
from holdfast.policy_languages import DEFAULT_LOCALE, LANGUAGES, Language
from holdfast.policy_terms import Charge, NoShowCapture, Percent, Policy, due


def text(policy: Policy, price: Money, timezone: str | None = None, locale: str = DEFAULT_LOCALE) -> str:
    """Sentences on the hold, the free window, each tier and the no-show fee, with amounts for `price`; the venue's zone
    where it is given. `locale` is one of `policy_languages.LANGUAGES`.
    """
    return " ".join(_Writer(policy, price, LANGUAGES[locale]).sentences(timezone))


class _Writer:
    """One policy in one language."""

    def __init__(self, policy: Policy, price: Money, language: Language) -> None:
        self._policy = policy
        self._price = price
        self._hold = money.hold_amount(price, policy.hold_ratio)
        self._say = language

    def sentences(self, timezone: str | None) -> list[str]:
        say, policy = self._say, self._policy
        price, hold = say.amount(self._price), say.amount(Money(self._hold, self._price.currency))
        sentences = [say.hold.format(hold=hold, price=price), say.not_a_charge, self._free(), *self._tiers()]
        if self._charges_for_cancelling():
            sentences.append(say.moving)
        sentences += self._no_show()
        sentences.append((say.attended_price if policy.capture_on_attendance else say.attended).format(price=price))
        if policy.off_session_fees:
            sentences.append(say.unheld)
        if policy.self_refund_until_hours is not None:
            sentences.append(say.self_refund.format(hours=say.hours(policy.self_refund_until_hours)))
        if timezone is not None:
            sentences.append(say.zone.format(zone=timezone))
        return sentences

    def _charges_for_cancelling(self) -> bool:
        return any(self._due(tier.charge) for tier in self._policy.cancellation_tiers)

    def _free(self) -> str:
        say, policy = self._say, self._policy
        if not self._charges_for_cancelling() or not policy.free_cancellation_hours:
            return say.free_to_the_start
        sentence = say.free_until.format(hours=say.hours(policy.free_cancellation_hours))
        if policy.booking_grace_minutes:
            sentence += say.within_grace.format(minutes=say.minutes(policy.booking_grace_minutes))
        return sentence + "."

    def _tiers(self) -> list[str]:
        """From the widest tier to the narrowest, each as it is met on the way to the start."""
        if not self._charges_for_cancelling():
            return []
        tiers = sorted(self._policy.cancellation_tiers, key=lambda tier: -tier.hours_before)
        return [self._tier(tier.hours_before, tier.charge) for tier in tiers]

    def _tier(self, hours: int, charge: Charge) -> str:
        say = self._say
        if not self._due(charge):
            return say.tier_free.format(hours=say.hours(hours))
        if hours == 0:
            return say.tier_after_the_start.format(charge=self._charge(charge))
        return say.tier.format(hours=say.hours(hours), charge=self._charge(charge))

    def _no_show(self) -> list[str]:
        say, policy = self._say, self._policy
        if not self._due(policy.no_show_fee):
            return [say.no_show_free]
        sentence = say.no_show.format(charge=self._charge(policy.no_show_fee))
        if policy.no_show_grace_minutes and policy.no_show_capture is not NoShowCapture.STAFF:
            sentence += say.no_show_after_grace.format(minutes=say.minutes(policy.no_show_grace_minutes))
        contest = policy.no_show_contest_minutes
        return [sentence + ".", *([say.contest.format(minutes=say.minutes(contest))] if contest else [])]

    def _due(self, charge: Charge) -> int:
        return due(charge, self._price, self._hold)

    def _charge(self, charge: Charge) -> str:
        amount = Money(self._due(charge), self._price.currency)
        return self._say.share(charge.percent, amount) if isinstance(charge, Percent) else self._say.amount(amount)
