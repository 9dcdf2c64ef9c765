"""A mail server for rehearsals: takes every message and keeps it as a file.

`python -m app.mailcatcher --port N --dir D` runs it on the loopback; `messages` reads
what it caught.
"""

import argparse
import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiosmtpd.smtp import SMTP

from core.clock import wall_now

HOST = "127.0.0.1"
#: Whom the envelope named, which the message's own header need not tell.
_RECIPIENTS = "X-Envelope-To"


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One message as it was handed over."""

    recipients: tuple[str, ...]
    subject: str
    text: str
    message: EmailMessage


class Keeper:
    """Stores each message as one `.eml` file; names sort in the order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Keep a message; accepted only once it lies on the disk."""
        name = f"{wall_now():%Y%m%dT%H%M%S.%f}-{uuid4().hex[:8]}"
        header = f"{_RECIPIENTS}: {', '.join(envelope.rcpt_tos)}\r\n"
        part = self._folder / f"{name}.part"
        part.write_bytes(header.encode() + envelope.content)
        part.replace(self._folder / f"{name}.eml")
        return "250 Kept"


def messages(folder: Path, to: str | None = None) -> list[CaughtMail]:
    """The caught messages, oldest first; only those for one address when `to` is given."""
    caught = [_read(path) for path in sorted(folder.glob("*.eml"))]
    return [mail for mail in caught if to is None or to in mail.recipients]


def newest(folder: Path, to: str) -> CaughtMail:
    """The latest message for an address, looked for from the last one caught.

    Raises:
        LookupError: There is none.
    """
    for path in sorted(folder.glob("*.eml"), reverse=True):
        mail = _read(path)
        if to in mail.recipients:
            return mail
    raise LookupError(f"No message for {to} was caught.")


def _read(path: Path) -> CaughtMail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = message.get_body(("plain", "html"))
    named = str(message[_RECIPIENTS] or "").split(",")
    return CaughtMail(
        recipients=tuple(address.strip() for address in named if address.strip()),
        subject=str(message["Subject"] or ""),
        text="" if body is None else str(body.get_content()).replace("\r\n", "\n"),
        message=message,
    )


async def serve(port: int, folder: Path) -> None:
    """Take mail until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    keeper = Keeper(folder)
    server = await loop.create_server(
        lambda: SMTP(keeper, enable_SMTPUTF8=True, hostname="localhost", loop=loop), HOST, port
    )
    stopped = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopped.set)
    async with server:
        await stopped.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m app.mailcatcher", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, dest="folder")
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(options.port, options.folder))


if __name__ == "__main__":
    main()
