"""One process that serves the simulator to many clients at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from local.stripe_simulator.simulator import Simulator


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go out as two writes; Nagle would hold the second for 40 ms on a kept-alive connection.
    disable_nagle_algorithm = True
    # A client that went away without closing gives its thread back.
    timeout = 120

    def run_wsgi(self) -> None:
        """Werkzeug's own closes every connection and drains it first, which swallows a client's next request."""
        answered: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            answered.append((status, headers))
            return self.wfile.write

        if "transfer-encoding" in self.headers:
            # The end of such a body is unknown to the application, so this connection cannot go on.
            self.close_connection = True
        try:
            content = b"".join(self.server.app(self.make_environ(), start_response))
            self._send(*answered[0], content)
        except ConnectionError:
            self.close_connection = True

    def _send(self, status: str, headers: list[tuple[str, str]], content: bytes) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Server(ThreadedWSGIServer):
    request_queue_size = 256


def serve(simulator: Simulator, host: str, port: int, port_file: Path | None) -> None:
    server = Server(host, port, simulator.wsgi, Handler)
    simulator.start()
    if port_file is not None:
        # Whoever waits for the file must never read half a number.
        partial = port_file.with_name(port_file.name + ".partial")
        partial.write_text(f"{server.server_port}\n")
        partial.replace(port_file)
    print(f"stripe simulator on http://{host}:{server.server_port}", flush=True)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    simulator.close()
