"""The mail channel: many messages over one connection."""

import smtplib
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from core import mail
from core.settings import Settings

#: From here on a reply is a lasting refusal; below it the server asks to try again.
PERMANENT = 500


class ChannelDownError(Exception):
    """The provider cannot be reached; nothing of what is waiting was attempted."""


class TryAgainError(Exception):
    """The provider asks to try this message later."""


class RefusedError(Exception):
    """The provider will never take this message."""


class Channel(Protocol):
    """A way out of the platform."""

    def send(self, delivery_id: UUID, address: str, subject: str, text: str) -> str:
        """Hand one message over; the provider's id for it.

        Raises:
            ChannelDownError, TryAgainError, RefusedError: It was not taken.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class MailChannel:
    """SMTP with one connection for a batch, opened when first needed.

    The Message-ID is made of the delivery's id, so that a message sent twice (the worker died
    between the server's yes and our note of it) is recognised as one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None

    def send(self, delivery_id: UUID, address: str, subject: str, text: str) -> str:
        """Hand one mail to the server; its Message-ID.

        Raises:
            ChannelDownError, TryAgainError, RefusedError: It was not taken.
        """
        message_id = f"<{delivery_id}@{mail.mail_domain(self._settings)}>"
        message = mail.compose(self._settings, address, subject, text, message_id=message_id)
        server = self._connected()
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(*error.recipients[address]) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise ChannelDownError(_short(error)) from error
        return message_id

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            try:
                self._server = mail.connect(self._settings)
            except (smtplib.SMTPException, OSError) as error:
                raise ChannelDownError(_short(error)) from error
        return self._server

    def close(self) -> None:
        """Say goodbye, if there is somebody to say it to."""
        if self._server is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._server.quit()
            self._server = None


def _refusal(code: int, reply: bytes | str) -> Exception:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    kind = RefusedError if code >= PERMANENT else TryAgainError
    return kind(f"{code} {text}")


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
