"""One process that serves the simulator to many clients at once."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from local.stripe_simulator.simulator import Simulator


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go out as two writes; Nagle would hold the second for 40 ms on a kept-alive connection.
    disable_nagle_algorithm = True

    def send_header(self, keyword: str, value: str) -> None:
        # Werkzeug closes after every answer because a request may not have been read to its end; here it always is.
        if (keyword, value) != ("Connection", "close") or "transfer-encoding" in self.headers:
            super().send_header(keyword, value)

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
