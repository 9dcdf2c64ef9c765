"""`python -m standins.openid --port N`: run the stand-in on the loopback interface."""

import argparse
import json
from pathlib import Path

import uvicorn

from standins.openid.app import create_app
from standins.openid.config import Client, Config


def main() -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m standins.openid", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
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
    args = parser.parse_args()
    jwks = json.loads(args.client_jwks.read_text(encoding="utf-8"))
    client = Client(args.client_id, tuple(args.redirect_uri), jwks)
    config = Config(args.base_url or f"http://{args.host}:{args.port}", (client,))
    uvicorn.run(create_app(config), host=args.host, port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
