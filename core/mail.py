"""Sends one mail by SMTP, now. Codes go this way from the door, notices from the workers."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr

from core.settings import Settings

#: Seconds for each step of talking to the mail server; a door waits no longer than this.
TIMEOUT = 5.0


def send(
    settings: Settings, to: str, subject: str, text: str, *, message_id: str | None = None
) -> str:
    """Hand one plain text mail to the mail server.

    Args:
        settings: Server, user and sender; STARTTLS before anything is said, if so set.
        to: One address, in normal form.
        subject: One line.
        text: The body.
        message_id: An id that stays the same when the same mail is tried again; else a new one.

    Returns:
        The Message-ID under which it was sent.

    Raises:
        smtplib.SMTPException: The server refused it.
        OSError: The server cannot be reached in time.
        ValueError: The subject or an address holds a line break.
    """
    message = compose(settings, to, subject, text, message_id=message_id)
    with connect(settings) as server:
        server.send_message(message)
    return str(message["Message-ID"])


def compose(
    settings: Settings, to: str, subject: str, text: str, *, message_id: str | None = None
) -> EmailMessage:
    """The mail that `send` hands over; for a worker that sends many over one connection."""
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = message_id or make_msgid(domain=mail_domain(settings))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def mail_domain(settings: Settings) -> str:
    """The domain behind the sender's address, for Message-IDs."""
    return parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"


def connect(settings: Settings) -> smtplib.SMTP:
    """A connection to the mail server, encrypted and signed in as the settings say.

    Raises:
        smtplib.SMTPException, OSError: As `send`.
    """
    server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT)
    try:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server
