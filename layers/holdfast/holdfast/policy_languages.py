"""The sentences of a policy in each language, how it writes numbers, and which language somebody is given.

Pure. `policy_text` puts the sentences together. What a policy says never depends on the language, so its hash does not
either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from holdfast import money
from holdfast.money import Money
from holdfast.policy_terms import decimal_text

_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_NARROW: Final = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`point` stands before decimals, `group` between thousands, `space` before a currency. Words for one and for many;
    sentences with the names of what they take.
    """

    point: str
    group: str
    space: str
    hour: tuple[str, str]
    minute: tuple[str, str]
    percent: str
    hold: str
    not_a_charge: str
    free_until: str
    within_grace: str
    free_to_the_start: str
    tier: str
    tier_after_the_start: str
    tier_free: str
    moving: str
    no_show: str
    no_show_after_grace: str
    no_show_free: str
    contest: str
    attended_price: str
    attended: str
    unheld: str
    self_refund: str
    zone: str

    def hours(self, number: int) -> str:
        return f"{number} {self.hour[number != 1]}"

    def minutes(self, number: int) -> str:
        return f"{number} {self.minute[number != 1]}"

    def amount(self, amount: Money) -> str:
        """`1,234.50 EUR`, `1.234,50 EUR`, `500 JPY`."""
        sign, whole, fraction = money.parts(amount)
        digits = f"{whole:,}".replace(",", self.group)
        return f"{sign}{digits}{self.point + fraction if fraction else ''}{self.space}{amount.currency.upper()}"

    def share(self, percent: Decimal, amount: Money) -> str:
        return self.percent.format(percent=decimal_text(percent).replace(".", self.point), amount=self.amount(amount))


_ENGLISH: Final = Language(
    point=".",
    group=",",
    space=" ",
    hour=("hour", "hours"),
    minute=("minute", "minutes"),
    percent="{percent} percent of the price ({amount})",
    hold="We place a hold of {hold} on your card for a price of {price}.",
    not_a_charge="A hold is not a charge: what is not charged is released.",
    free_until="You can cancel free of charge until {hours} before the start",
    within_grace=", and in any case within {minutes} of booking, until the start",
    free_to_the_start="You can cancel free of charge until the start.",
    tier="After that, cancelling less than {hours} before the start costs {charge}.",
    tier_after_the_start="Cancelling after the start costs {charge}.",
    tier_free="Cancelling less than {hours} before the start is free of charge.",
    moving="Moving your booking to another date does not extend these times.",
    no_show="If you do not come, you are charged {charge}",
    no_show_after_grace=", not before {minutes} after the start",
    no_show_free="If you do not come, you pay nothing.",
    contest="We tell you before, and you have {minutes} to object.",
    attended_price="If you attend, you pay the price of {price}, or what the organiser charges, at most the hold.",
    attended="If you attend, you pay what the organiser charges, at most the hold.",
    unheld="If there is no hold any more, what you owe may be charged to your saved card.",
    self_refund="Until {hours} before the start you can refund yourself what cancelling would leave you at that time.",
    zone="These are hours that really pass before the start, also when the clocks change; the venue is in the time "
    "zone {zone}.",
)

_GERMAN: Final = Language(
    point=",",
    group=".",
    space=_NO_BREAK,
    hour=("Stunde", "Stunden"),
    minute=("Minute", "Minuten"),
    percent="{percent} Prozent des Preises ({amount})",
    hold="Wir reservieren {hold} auf Ihrer Karte; der Preis beträgt {price}.",
    not_a_charge="Eine Reservierung ist keine Abbuchung: Was nicht abgebucht wird, wird wieder freigegeben.",
    free_until="Sie können bis {hours} vor Beginn kostenlos stornieren",
    within_grace=", in jedem Fall innerhalb von {minutes} nach der Buchung, längstens bis zum Beginn",
    free_to_the_start="Sie können bis zum Beginn kostenlos stornieren.",
    tier="Danach kostet eine Stornierung weniger als {hours} vor Beginn {charge}.",
    tier_after_the_start="Eine Stornierung nach Beginn kostet {charge}.",
    tier_free="Eine Stornierung weniger als {hours} vor Beginn ist kostenlos.",
    moving="Wenn Sie Ihre Buchung auf einen anderen Termin verlegen, verlängern sich diese Fristen nicht.",
    no_show="Wenn Sie nicht erscheinen, buchen wir {charge} ab",
    no_show_after_grace=", frühestens {minutes} nach Beginn",
    no_show_free="Wenn Sie nicht erscheinen, zahlen Sie nichts.",
    contest="Vorher benachrichtigen wir Sie, und Sie haben {minutes} Zeit, zu widersprechen.",
    attended_price="Wenn Sie teilnehmen, zahlen Sie den Preis von {price} oder den Betrag, den der Veranstalter "
    "abrechnet, höchstens den reservierten Betrag.",
    attended="Wenn Sie teilnehmen, zahlen Sie den Betrag, den der Veranstalter abrechnet, höchstens den reservierten "
    "Betrag.",
    unheld="Besteht keine Reservierung mehr, kann der geschuldete Betrag von Ihrer hinterlegten Karte "
    "abgebucht werden.",
    self_refund="Bis {hours} vor Beginn können Sie sich selbst erstatten, was Ihnen bei einer Stornierung zu diesem "
    "Zeitpunkt bliebe.",
    zone="Gemeint sind Stunden, die vor dem Beginn tatsächlich vergehen, auch bei einer Zeitumstellung; am "
    "Veranstaltungsort gilt die Zeitzone {zone}.",
)

_FRENCH: Final = Language(
    point=",",
    group=_NARROW,
    space=_NO_BREAK,
    hour=("heure", "heures"),
    minute=("minute", "minutes"),
    percent=f"{{percent}}{_NO_BREAK}% du prix ({{amount}})",
    hold="Nous bloquons {hold} sur votre carte pour un prix de {price}.",
    not_a_charge=f"Un blocage n’est pas un débit{_NO_BREAK}: ce qui n’est pas débité est libéré.",
    free_until="Vous pouvez annuler sans frais jusqu’à {hours} avant le début",
    within_grace=" et, dans tous les cas, pendant {minutes} après la réservation, au plus tard jusqu’au début",
    free_to_the_start="Vous pouvez annuler sans frais jusqu’au début.",
    tier="Ensuite, une annulation moins de {hours} avant le début coûte {charge}.",
    tier_after_the_start="Une annulation après le début coûte {charge}.",
    tier_free="Une annulation moins de {hours} avant le début est gratuite.",
    moving="Déplacer votre réservation à une autre date ne prolonge pas ces délais.",
    no_show="Si vous ne venez pas, nous débitons {charge}",
    no_show_after_grace=", au plus tôt {minutes} après le début",
    no_show_free="Si vous ne venez pas, vous ne payez rien.",
    contest="Nous vous prévenons avant, et vous avez {minutes} pour contester.",
    attended_price="Si vous participez, vous payez le prix de {price} ou le montant demandé par l’organisateur, au "
    "maximum le montant bloqué.",
    attended="Si vous participez, vous payez le montant demandé par l’organisateur, au maximum le montant bloqué.",
    unheld="Si plus rien n’est bloqué, ce que vous devez peut être débité de votre carte enregistrée.",
    self_refund="Jusqu’à {hours} avant le début, vous pouvez vous rembourser vous-même ce qu’une annulation vous "
    "laisserait à ce moment.",
    zone=f"Il s’agit d’heures réellement écoulées avant le début, même en cas de changement d’heure{_NARROW}; le lieu "
    "se trouve dans le fuseau horaire {zone}.",
)

_SPANISH: Final = Language(
    point=",",
    group=".",
    space=_NO_BREAK,
    hour=("hora", "horas"),
    minute=("minuto", "minutos"),
    percent=f"el {{percent}}{_NO_BREAK}% del precio ({{amount}})",
    hold="Bloqueamos {hold} en su tarjeta para un precio de {price}.",
    not_a_charge="Un bloqueo no es un cargo: lo que no se cobra se libera.",
    free_until="Puede cancelar gratis hasta {hours} antes del inicio",
    within_grace=" y, en todo caso, en un plazo de {minutes} desde la reserva, como máximo hasta el inicio",
    free_to_the_start="Puede cancelar gratis hasta el inicio.",
    tier="Después, cancelar menos de {hours} antes del inicio cuesta {charge}.",
    tier_after_the_start="Cancelar después del inicio cuesta {charge}.",
    tier_free="Cancelar menos de {hours} antes del inicio es gratis.",
    moving="Cambiar su reserva a otra fecha no amplía estos plazos.",
    no_show="Si no se presenta, le cobramos {charge}",
    no_show_after_grace=", no antes de {minutes} después del inicio",
    no_show_free="Si no se presenta, no paga nada.",
    contest="Le avisamos antes, y tiene {minutes} para oponerse.",
    attended_price="Si asiste, paga el precio de {price} o lo que cobre el organizador, como máximo el importe "
    "bloqueado.",
    attended="Si asiste, paga lo que cobre el organizador, como máximo el importe bloqueado.",
    unheld="Si ya no hay ningún importe bloqueado, lo que deba puede cobrarse en su tarjeta guardada.",
    self_refund="Hasta {hours} antes del inicio puede reembolsarse por su cuenta lo que le quedaría si cancelara en "
    "ese momento.",
    zone="Son horas que realmente transcurren antes del inicio, también cuando cambia la hora; el lugar está en la "
    "zona horaria {zone}.",
)

_ITALIAN: Final = Language(
    point=",",
    group=".",
    space=_NO_BREAK,
    hour=("ora", "ore"),
    minute=("minuto", "minuti"),
    percent="{amount} ({percent}% del prezzo)",
    hold="Blocchiamo {hold} sulla Sua carta per un prezzo di {price}.",
    not_a_charge="Un blocco non è un addebito: ciò che non viene addebitato viene sbloccato.",
    free_until="Può annullare gratuitamente fino a {hours} prima dell’inizio",
    within_grace=" e, in ogni caso, entro {minutes} dalla prenotazione, al più tardi fino all’inizio",
    free_to_the_start="Può annullare gratuitamente fino all’inizio.",
    tier="In seguito, annullare meno di {hours} prima dell’inizio costa {charge}.",
    tier_after_the_start="Annullare dopo l’inizio costa {charge}.",
    tier_free="Annullare meno di {hours} prima dell’inizio è gratuito.",
    moving="Spostare la prenotazione a un’altra data non prolunga questi termini.",
    no_show="Se non si presenta, addebitiamo {charge}",
    no_show_after_grace=", non prima di {minutes} dopo l’inizio",
    no_show_free="Se non si presenta, non paga nulla.",
    contest="La avvisiamo prima e ha {minutes} per opporsi.",
    attended_price="Se partecipa, paga il prezzo di {price} oppure quanto addebita l’organizzatore, al massimo "
    "l’importo bloccato.",
    attended="Se partecipa, paga quanto addebita l’organizzatore, al massimo l’importo bloccato.",
    unheld="Se non c’è più alcun importo bloccato, quanto dovuto può essere addebitato sulla Sua carta salvata.",
    self_refund="Fino a {hours} prima dell’inizio può rimborsarsi da sé quanto Le resterebbe annullando in quel "
    "momento.",
    zone="Si tratta di ore che passano davvero prima dell’inizio, anche quando cambia l’ora; il luogo si trova nel "
    "fuso orario {zone}.",
)

LANGUAGES: Final[Mapping[str, Language]] = MappingProxyType(
    {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "es": _SPANISH, "it": _ITALIAN}
)
DEFAULT_LOCALE: Final = "en"
# A header is no place to look long.
_MOST_RANGES: Final = 20
_RANGE: Final = re.compile(
    r"\s*(?P<tag>[A-Za-z]{1,8})(?:[-_][A-Za-z0-9-_]*)?\s*(?:;\s*q\s*=\s*(?P<q>[01](?:\.[0-9]{0,3})?)\s*)?", re.ASCII
)


def locale_for(wanted: str | None, accept_language: str | None) -> str:
    """The language of `wanted` (such as `de-AT`), else the one that an Accept-Language header ranks highest, else
    English. What is malformed or not spoken here is passed over.
    """
    for tag in (wanted or "", *_ranked(accept_language or "")):
        language = re.split("[-_]", tag, maxsplit=1)[0].lower()
        if language in LANGUAGES:
            return language
    return DEFAULT_LOCALE


def _ranked(header: str) -> Iterator[str]:
    """RFC 9110: highest weight first, in the header's order where weights are equal; weight 0 is a no."""
    found = [_RANGE.fullmatch(part) for part in header.split(",", _MOST_RANGES)[:_MOST_RANGES]]
    weighed = [(float(match["q"] or 1), match["tag"]) for match in found if match is not None]
    yield from (tag for weight, tag in sorted(weighed, key=lambda each: -each[0]) if weight > 0)
