"""The types that fields of requests have on the wire, and the base of every request body.

Strict throughout: "5", 5.0 and true are not integers, unknown fields are refused. What only a rule can judge (whether a
currency is supported, an amount fits) is a rule's business and not a type's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from unicodedata import category
from zoneinfo import ZoneInfo

from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from holdfast.pages import MAXIMUM_LIMIT
from holdfast.policy_schema import PARTIAL_POLICY

_ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
_STRIPE_ID: Final = r"^[A-Za-z0-9_-]{1,255}$"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
# A year: no bank waits so long for an answer.
_MOST_HOURS_AHEAD: Final = 8784
# Embeddings, overrides and isolates: they make a text read otherwise than it is written.
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Sums of times stay far from the ends of what a datetime can hold.
_YEARS: Final = range(2000, 2200)


class Body(BaseModel):
    """Base of every request body and of every object in one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _time(value: Any) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("This must be an ISO 8601 time with an offset, for example 2026-11-23T20:00:00Z.")
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("This is not a time that exists.") from None
    if moment.year not in _YEARS:
        raise ValueError(f"The year must be between {_YEARS.start} and {_YEARS.stop - 1}.")
    return moment.replace(microsecond=0)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError("This is not the name of a time zone, such as Europe/Berlin.") from None
    return value


def _controls(character: str) -> bool:
    """Control characters, separators of lines and paragraphs, and what turns the direction of the text that follows.

    Spaces that do not break, joiners and non-joiners are none: keyboards write them in prices, names and emoji.
    """
    if character == "\n":
        return False
    return category(character) in ("Cc", "Zl", "Zp") or character in _TURNS


def _plain(value: str) -> str:
    if any(_controls(character) for character in value) or not value.strip():
        raise ValueError("This must be text without control characters, and not blank.")
    return value


def _evidence(value: str) -> str:
    """Like any other text, but that an empty one is meant: it leaves its field out."""
    return value if value == "" else _plain(value)


def _said(value: Any) -> Any:
    if value is None:
        raise ValueError("This must be an integer; leave it out for all of it.")
    return value


def _whole(value: Any) -> int:
    """Query parameters are text; pydantic would also take " 5", "5.0" and "1_0" for integers."""
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise ValueError("This must be a whole number.")
    return int(value)


EventId = Annotated[str, StringConstraints(pattern=_ID)]
BookingId = Annotated[str, StringConstraints(pattern=_ID)]
PaymentMethodId = Annotated[str, StringConstraints(pattern=_STRIPE_ID)]
StripeVersion = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z]{1,32})?$")]
DisputeId = Annotated[str, StringConstraints(pattern=_STRIPE_ID)]
# A language tag (BCP 47) such as de or de-AT; Android also writes de_AT.
Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,8}$")]
LocaleParameter = Annotated[
    Locale | None, Query(description="The language of the policy's text; without it Accept-Language is asked.")
]
Quote = Annotated[str, StringConstraints(min_length=1, max_length=200)]
PolicyHash = Annotated[str, Field(min_length=1, max_length=128)]
EvidenceHash = Annotated[str, Field(min_length=1, max_length=128)]
Time = Annotated[
    datetime, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
TimeZone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_zone)]
Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]
AttentionReason = Annotated[str, Field(min_length=1, max_length=64, pattern="^[a-z_]+$")]
LongEvidence = Annotated[str, Field(max_length=20_000), AfterValidator(_evidence)]
ShortEvidence = Annotated[str, Field(max_length=5_000), AfterValidator(_evidence)]
PositiveAmount = Annotated[int, Field(ge=1)]
AmountOrZero = Annotated[int, Field(ge=0)]
# Where no amount is said, everything is meant: so a variable that was never set must not say it.
PositiveAmountOrAll = Annotated[
    PositiveAmount | None, BeforeValidator(_said), WithJsonSchema({"type": "integer", "minimum": 1})
]
AmountOrPrice = Annotated[
    AmountOrZero | None, BeforeValidator(_said), WithJsonSchema({"type": "integer", "minimum": 0})
]
PolicyTerms = Annotated[dict[str, Any], WithJsonSchema(PARTIAL_POLICY)]
CurrencyCode = Annotated[str, Field(min_length=1, max_length=16)]

Limit = Annotated[
    int,
    BeforeValidator(_whole),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAXIMUM_LIMIT}),
    Query(ge=1, le=MAXIMUM_LIMIT),
]
Cursor = Annotated[str | None, Query(max_length=1024)]
HoursAhead = Annotated[
    int | None,
    BeforeValidator(_whole),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST_HOURS_AHEAD}),
    Query(ge=1, le=_MOST_HOURS_AHEAD),
]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="1 to 255 printable ASCII characters. The same key continues the same operation, never another.",
    ),
]

OptionalIdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="As where it is required; without one, the request is not remembered.",
    ),
]


class Price(Body):
    """An amount in minor units with its currency; `money.validate_price` judges it."""

    amount: PositiveAmount
    currency: CurrencyCode


class EvidenceEdits(Body):
    """Words of staff for the text fields of a dispute's evidence, by Stripe's names; `evidence_fields` has the limits.

    A field that is not named stays as it is, null takes an edit back, an empty text leaves the field out.
    """

    access_activity_log: LongEvidence | None = None
    billing_address: ShortEvidence | None = None
    cancellation_policy_disclosure: LongEvidence | None = None
    cancellation_rebuttal: LongEvidence | None = None
    customer_email_address: ShortEvidence | None = None
    customer_name: ShortEvidence | None = None
    customer_purchase_ip: ShortEvidence | None = None
    duplicate_charge_explanation: LongEvidence | None = None
    duplicate_charge_id: ShortEvidence | None = None
    product_description: LongEvidence | None = None
    refund_policy_disclosure: LongEvidence | None = None
    refund_refusal_explanation: LongEvidence | None = None
    service_date: ShortEvidence | None = None
    shipping_address: ShortEvidence | None = None
    shipping_carrier: ShortEvidence | None = None
    shipping_date: ShortEvidence | None = None
    shipping_tracking_number: ShortEvidence | None = None
    uncategorized_text: LongEvidence | None = None

    def named(self) -> dict[str, str | None]:
        """The fields that the body names, null or not."""
        return {name: getattr(self, name) for name in self.model_fields_set}
