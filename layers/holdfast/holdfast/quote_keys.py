"""The keys that sign quotes, from Secrets Manager: the current one, and the one before it while its quotes are out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from holdfast.cancellation_quotes import Key

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_KEEP_SECONDS: Final = 300
# An unknown key asks for the keys again, in case they were exchanged; forgers must not turn that into a flood.
_BETWEEN_REFRESHES_SECONDS: Final = 10


class QuoteKeys:
    """Kept for five minutes. Secrets Manager remembers the value before the last change by itself (AWSPREVIOUS), so
    exchanging the key is one command, and quotes that are out stay good.
    """

    def __init__(
        self, client: SecretsManagerClient, secret_id: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._monotonic = monotonic
        self._keys: tuple[Key, ...] = ()
        self._read_at: float | None = None

    def signing(self) -> Key:
        return self.proving()[0]

    def proving(self) -> Sequence[Key]:
        """The current key first. At most five minutes old."""
        if self._read_at is None or self._monotonic() - self._read_at >= _KEEP_SECONDS:
            self._read()
        return self._keys

    def newer(self) -> Sequence[Key]:
        """Read again now; empty if they were read a moment ago."""
        if self._read_at is not None and self._monotonic() - self._read_at < _BETWEEN_REFRESHES_SECONDS:
            return ()
        self._read()
        return self._keys

    def _read(self) -> None:
        current = self._value("AWSCURRENT")
        if current is None:
            raise RuntimeError("the secret of the quote key has no value")
        previous = self._value("AWSPREVIOUS")
        self._keys = (Key(current),) if previous is None else (Key(current), Key(previous))
        self._read_at = self._monotonic()

    def _value(self, stage: Any) -> str | None:
        try:
            answer = self._client.get_secret_value(SecretId=self._secret_id, VersionStage=stage)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return json.loads(answer["SecretString"])["quote_key"] or None
