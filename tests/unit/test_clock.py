"""The one port through which time is read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from holdfast.clock import remote_clock, system_clock


class Simulator(BaseHTTPRequestHandler):
    now = "2026-11-23T20:00:00Z"

    def do_GET(self) -> None:
        body = json.dumps({"now": self.now}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Simulator) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_systems_clock_knows_its_zone():
    now = system_clock()

    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_remote_clock_is_read_each_time(port, host, monkeypatch):
    clock = remote_clock(f"http://{host}:{port}/_sim/clock")

    assert clock() == datetime(2026, 11, 23, 20, tzinfo=UTC)
    monkeypatch.setattr(Simulator, "now", "2026-12-24T20:00:00.250000+00:00")
    assert clock() == datetime(2026, 12, 24, 20, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/clock",
        "https://example.com:443/clock",
        "http://127.0.0.1.example.com:80/clock",
        "http://127.0.0.1:80@example.com/clock",
        "http://localhost:80@example.com/clock",
        "http://localhost.example.com/clock",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "127.0.0.1:80",
        "",
    ],
)
def test_a_clock_on_another_machine_is_refused(url):
    with pytest.raises(ValueError, match="only name this machine"):
        remote_clock(url)
