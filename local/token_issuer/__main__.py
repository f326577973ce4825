"""`python -m local.token_issuer --port 0 --port-file FILE`"""

from __future__ import annotations

import argparse
from pathlib import Path

from werkzeug.serving import make_server

from local.token_issuer.application import Issuer
from local.token_issuer.tokens import PRIVY_APP_ID, STAFF_AUDIENCE


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.token_issuer", description="Signs tokens for the local cloud.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where the port is written once requests are taken")
    parser.add_argument("--app-id", default=PRIVY_APP_ID, help="the aud of customers' tokens")
    parser.add_argument("--staff-audience", default=STAFF_AUDIENCE, help="the aud of staff tokens")
    given = parser.parse_args()
    server = make_server("127.0.0.1", given.port, Issuer(given.app_id, given.staff_audience), threaded=True)
    if given.port_file is not None:
        unfinished = given.port_file.with_suffix(".tmp")
        unfinished.write_text(str(server.server_port))
        unfinished.replace(given.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
