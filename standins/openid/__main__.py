"""`python -m standins.openid --port N`: run the stand-in on the loopback interface."""

import argparse
import json
import socket
from pathlib import Path

import uvicorn

from standins.openid.app import create_app
from standins.openid.config import Client, Config


def main() -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m standins.openid", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 for any free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--base-url", help="address others use; default http://HOST:PORT")
    parser.add_argument("--client-id", default="furusato")
    parser.add_argument(
        "--client-jwks",
        type=Path,
        required=True,
        help="JWK set file with the client's public keys (ES256 or RS256)",
    )
    parser.add_argument(
        "--redirect-uri", action="append", required=True, help="may be given several times"
    )
    parser.add_argument(
        "--ready-file", type=Path, help="written with the base address once it listens"
    )
    args = parser.parse_args()
    jwks = json.loads(args.client_jwks.read_text(encoding="utf-8"))
    client = Client(args.client_id, tuple(args.redirect_uri), jwks)
    with socket.create_server((args.host, args.port)) as listener:
        base_url = args.base_url or f"http://{args.host}:{listener.getsockname()[1]}"
        if args.ready_file is not None:
            part = args.ready_file.with_suffix(".part")
            part.write_text(base_url, encoding="utf-8")
            part.replace(args.ready_file)
        app = create_app(Config(base_url, (client,)))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
