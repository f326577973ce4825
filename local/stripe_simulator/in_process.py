"""The official SDK on the simulator without a socket between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from local.stripe_simulator.simulator import Simulator
from local.stripe_simulator.wire import Answer, Request

Observer = Callable[[Request, Answer], None]


class _Headers(dict[str, str]):
    """Names in any case, as the SDK expects of its transports."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class InProcessHTTPClient(stripe.HTTPClient):
    """`observe` sees every request with its answer: the place for checks that no test may forget."""

    name = "in_process"

    def __init__(self, simulator: Simulator, observe: Observer | None = None) -> None:
        super().__init__()
        self._simulator, self._observe = simulator, observe

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        names = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(method.upper(), parts.path, parts.query, names, body)
        answer = self._simulator.handle(request)
        if answer.cut:
            lost = "the connection was closed without an answer"
            raise stripe.APIConnectionError(lost, should_retry=True)  # type: ignore[no-untyped-call]
        if self._observe is not None:
            self._observe(request, answer)
        return answer.content.decode(), answer.status, _Headers(answer.headers)

    def close(self) -> None:
        pass
