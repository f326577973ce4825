"""`python -m local.stripe_simulator --port 12111`"""

from __future__ import annotations

import argparse
from pathlib import Path

from local.stripe_simulator.server import serve
from local.stripe_simulator.simulator import Simulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.stripe_simulator", description="A Stripe that runs on this machine.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where the port is written once requests are taken")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--secret-key", help="the only secret key that is accepted; by default any sk_test_ key")
    parser.add_argument("--publishable-key")
    parser.add_argument("--database", type=Path, help="an SQLite file that survives the process")
    given = parser.parse_args()
    simulator = Simulator(secret_key=given.secret_key, publishable_key=given.publishable_key, database=given.database)
    serve(simulator, given.host, given.port, given.port_file)


if __name__ == "__main__":
    main()
