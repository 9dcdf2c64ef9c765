"""A stand-in for the OpenID provider of the My Number card (デジタル認証アプリ), R12.

It is strict where the real provider is documented to be strict, offers test cards, and gives
every bad answer on command, so that the platform's checks can be proved against it.
`create_app(config)` for tests, `python -m standins.openid --port N` for a rehearsal.
"""

from standins.openid.app import create_app
from standins.openid.cards import Card
from standins.openid.config import Client, Config
from standins.openid.faults import BAD_ANSWERS, EXTRA_FAULTS

__all__ = ["BAD_ANSWERS", "EXTRA_FAULTS", "Card", "Client", "Config", "create_app"]
