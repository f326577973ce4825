"""Stripe's listed objects into sightings and movements, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast import stripe_translation as translate
from holdfast.sightings import Charge, Movement, Seen, Sighting, Source

Raw = Mapping[str, Any]

# Balance transactions that a captured payment makes; a charge is the source of others, too, which capture nothing.
_CAPTURES: Final = frozenset({"charge", "payment"})


@dataclass
class Collector:
    """What the lists of one span show, as they come.

    The PaymentIntent and its charge carry our metadata; a refund may, where we made it; a dispute never does. So whose
    a PaymentIntent is may only be known from another of its objects, and is decided when all have come.
    """

    deployment: str
    _sightings: list[Sighting] = field(default_factory=list)
    _movements: list[Movement] = field(default_factory=list)
    _owners: dict[str, str] = field(default_factory=dict)
    _foreign: set[str] = field(default_factory=set)

    def seen(self) -> Seen:
        foreign = self._foreign - self._owners.keys()
        return Seen(
            sightings=tuple(each for each in self._sightings if each.payment_intent_id not in foreign),
            movements=tuple(each for each in self._movements if each.payment_intent_id not in foreign),
            owners=self._owners,
        )

    def intent(self, raw: Raw, *, past: bool = False) -> None:
        self._belongs(raw["id"], raw, sure=True)
        charge = _expanded(raw.get("latest_charge"))
        self._sightings.append(
            Sighting(
                payment_intent_id=raw["id"],
                object_id=raw["id"],
                currency=raw["currency"],
                intent=translate.payment_intent(raw),
                charge=_charge(charge) if charge and not past else None,
                past=past,
            )
        )

    def refund(self, raw: Raw, *, past: bool = False) -> None:
        intent_id = self._intent_of(raw)
        if intent_id is None:
            return
        charge = _expanded(raw.get("charge"))
        self._sightings.append(
            Sighting(
                payment_intent_id=intent_id,
                object_id=raw["id"],
                currency=raw["currency"],
                charge=_charge(charge) if charge else None,
                refund=translate.refund(raw),
                past=past,
            )
        )

    def dispute(self, raw: Raw, *, past: bool = False) -> None:
        intent_id = self._intent_of(raw)
        if intent_id is None:
            return
        self._sightings.append(
            Sighting(
                payment_intent_id=intent_id,
                object_id=raw["id"],
                currency=raw["currency"],
                dispute=translate.dispute(raw),
                past=past,
            )
        )

    def balance_transaction(self, raw: Raw) -> None:
        """Payouts, and what Stripe bills for itself, come from no payment of a customer's."""
        source = _expanded(raw.get("source"))
        kind = source.get("object") if source else None
        if source is None or kind not in tuple(Source) or (kind == "charge" and raw["type"] not in _CAPTURES):
            return
        intent_id = self._intent_of(source)
        if intent_id is None:
            return
        if kind == "charge":
            self._charge(source)
        self._movements.append(
            Movement(
                transaction_id=raw["id"],
                source=Source(kind),
                source_id=source["id"],
                payment_intent_id=intent_id,
                amount=_presented(raw, source),
                currency=source["currency"],
                fee=raw["fee"],
                fee_currency=raw["currency"],
            )
        )

    def event(self, raw: Raw) -> None:
        """An event's snapshot of an object: that it was so, at some moment of the span."""
        snapshot = raw["data"]["object"]
        match snapshot["object"]:
            case "payment_intent":
                self.intent(snapshot, past=True)
            case "refund":
                self.refund(snapshot, past=True)
            case "dispute":
                self.dispute(snapshot, past=True)
            case "charge":
                self._charge(snapshot, past=True)

    def _charge(self, raw: Raw, *, past: bool = False) -> None:
        intent_id = self._intent_of(raw)
        if intent_id is not None:
            self._sightings.append(
                Sighting(
                    payment_intent_id=intent_id,
                    object_id=raw["id"],
                    currency=raw["currency"],
                    charge=_charge(raw),
                    past=past,
                )
            )

    def _intent_of(self, raw: Raw) -> str | None:
        """The PaymentIntent of a charge, refund or dispute, if it has one; notes whose it is, as far as these say."""
        intent_id = _id(raw.get("payment_intent"))
        if intent_id is None:
            return None
        charge = raw if raw["object"] == "charge" else _expanded(raw.get("charge"))
        if charge is not None:
            self._belongs(intent_id, charge, sure=True)
        self._belongs(intent_id, raw, sure=False)
        return intent_id

    def _belongs(self, intent_id: str, raw: Raw, *, sure: bool) -> None:
        """`sure`: metadata without our mark mean that it is somebody else's. The PaymentIntent's own word is the last:
        a charge keeps a copy of what it once said.
        """
        metadata = raw.get("metadata") or {}
        if metadata.get("deployment") == self.deployment and "booking_id" in metadata:
            if raw["object"] == "payment_intent":
                self._owners[intent_id] = metadata["booking_id"]
            self._owners.setdefault(intent_id, metadata["booking_id"])
        elif sure or "deployment" in metadata:
            self._foreign.add(intent_id)


def _id(value: Any) -> str | None:
    """An expandable field: an id, or the object."""
    return value if value is None or isinstance(value, str) else str(value["id"])


def _expanded(value: Any) -> Raw | None:
    return value if isinstance(value, Mapping) else None


def _charge(raw: Raw) -> Charge:
    return Charge(
        succeeded=raw["status"] == "succeeded",
        captured=bool(raw["captured"]),
        amount_captured=raw["amount_captured"],
        amount_refunded=raw["amount_refunded"],
        refunded=bool(raw["refunded"]),
        disputed=bool(raw["disputed"]),
    )


def _presented(transaction: Raw, source: Raw) -> int:
    """What moved in the customer's currency; where the balance is kept in another, only the source knows it."""
    if transaction["currency"] == source["currency"]:
        return int(transaction["amount"])
    amount = source["amount_captured"] if source["object"] == "charge" else source["amount"]
    return int(amount) if transaction["amount"] >= 0 else -int(amount)
