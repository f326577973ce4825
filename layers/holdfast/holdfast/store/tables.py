"""The names of the tables, from the environment, each read only when a function first needs it."""

from __future__ import annotations

from holdfast.settings import Settings


class Tables:
    """A function that has no business with a table has no variable for it, so nothing is read ahead."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def users(self) -> str:
        return self._settings["USERS_TABLE"]

    @property
    def events(self) -> str:
        return self._settings["EVENTS_TABLE"]

    @property
    def bookings(self) -> str:
        return self._settings["BOOKINGS_TABLE"]

    @property
    def payment_methods(self) -> str:
        return self._settings["PAYMENT_METHODS_TABLE"]

    @property
    def transactions(self) -> str:
        return self._settings["TRANSACTIONS_TABLE"]

    @property
    def idempotency(self) -> str:
        return self._settings["IDEMPOTENCY_TABLE"]
