"""An issuer's public keys (JWKS): fetched rarely, kept long, and never as often as somebody who guesses would like.

Keys are kept for an hour. A key id that is not known fetches again, because issuers rotate, but not within five minutes
of the last attempt, because anybody can invent key ids. When the issuer cannot be reached, the keys that are known go
on being used: an issuer's outage must not lock everybody out.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit

KEEP_SECONDS: Final = 3600
BETWEEN_FETCHES_SECONDS: Final = 300
# Without any key nobody can call at all, so the next attempt comes sooner.
_BETWEEN_FIRST_FETCHES_SECONDS: Final = 5
_TIMEOUT_SECONDS: Final = 3
_LARGEST: Final = 256 * 1024
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Jwk = Mapping[str, Any]
Fetch = Callable[[str], bytes]


class KeysUnavailable(Exception):
    """The issuer's keys were never fetched, and cannot be now: nobody's token can be judged."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from where the deployer said, and not from where an answer points."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def fetch(url: str) -> bytes:
    """The document at `url`: https, or http on this machine; at most 256 KiB, within three seconds."""
    try:
        with _opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            document: bytes = answer.read(_LARGEST + 1)
    except HTTPError as refused:
        # It is the answer as well, with its connection open.
        refused.close()
        raise
    if len(document) > _LARGEST:
        raise ValueError("the key set is too large")
    return document


def require_trustworthy(url: str) -> str:
    """`url`, if its keys cannot be exchanged on the way: https, or http on this machine. Raises ValueError if not."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise ValueError("keys are fetched over https, or over http from this machine")


class KeySet:
    """The keys of one issuer by `kid`. Safe to share between threads."""

    def __init__(self, url: str, *, fetch: Fetch = fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = require_trustworthy(url)
        self._fetch = fetch
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: dict[str, Jwk] = {}
        self._fetched_at: float | None = None
        self._attempted_at: float | None = None

    def get(self, kid: str) -> Jwk | None:
        """The key, or None where the issuer has none of this id. Raises KeysUnavailable if there never was any."""
        with self._lock:
            now = self._monotonic()
            stale = self._fetched_at is None or now - self._fetched_at >= KEEP_SECONDS
            if (stale or kid not in self._keys) and self._may_fetch(now):
                self._refresh(now)
            if self._fetched_at is None:
                raise KeysUnavailable(self._url)
            return self._keys.get(kid)

    def _may_fetch(self, now: float) -> bool:
        if self._attempted_at is None:
            return True
        pause = _BETWEEN_FIRST_FETCHES_SECONDS if self._fetched_at is None else BETWEEN_FETCHES_SECONDS
        return now - self._attempted_at >= pause

    def _refresh(self, now: float) -> None:
        self._attempted_at = now
        try:
            found = _keys_of(self._fetch(self._url))
        except (OSError, HTTPException, ValueError, RecursionError):
            return
        self._keys, self._fetched_at = found, now


def _keys_of(document: bytes) -> dict[str, Jwk]:
    """Raises ValueError for what is not a key set; keys without an id, or not for signatures, are left out."""
    parsed = json.loads(document)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("keys"), list):
        raise ValueError("not a key set")
    keys = [key for key in parsed["keys"] if isinstance(key, dict) and key.get("use", "sig") == "sig"]
    found: dict[str, Jwk] = {key["kid"]: key for key in keys if isinstance(key.get("kid"), str)}
    if not found:
        raise ValueError("a key set without keys")
    return found
