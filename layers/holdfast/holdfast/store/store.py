"""The store: one part for each kind of thing that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.settings import Settings
from holdfast.store.bookings import Bookings
from holdfast.store.events import Events
from holdfast.store.log import Log
from holdfast.store.reconciliations import Reconciliations
from holdfast.store.records import Records
from holdfast.store.tables import Tables
from holdfast.store.users import Users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Store:
    """Reads are strongly consistent wherever a decision follows from them; listings come from indexes and are not."""

    def __init__(self, client: DynamoDBClient, settings: Settings) -> None:
        tables = Tables(settings)
        self.bookings = Bookings(client, tables)
        self.events = Events(client, tables)
        self.log = Log(client, tables)
        self.reconciliations = Reconciliations(client, tables)
        self.records = Records(client, tables)
        self.users = Users(client, tables)
