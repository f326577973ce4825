"""Everything that is kept, in DynamoDB. Table and attribute names are written here and nowhere else."""

from holdfast.store.commit import Check, Commit, Record
from holdfast.store.conditions import AlreadySeen, ConcurrentChange, EventChanged, PaymentMethodGone, RecordTaken
from holdfast.store.store import Store

__all__ = [
    "AlreadySeen",
    "Check",
    "Commit",
    "ConcurrentChange",
    "EventChanged",
    "PaymentMethodGone",
    "Record",
    "RecordTaken",
    "Store",
]
