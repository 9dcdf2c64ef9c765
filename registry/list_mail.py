"""R27: the mails to people of a list, in Japanese and English; the worker's half of `list_letters`."""

import logging
import smtplib
from datetime import datetime

from sqlalchemy.orm import Session

from core import audit, mail
from core.access import system
from core.settings import Settings
from core.texts import Texts
from registry import list_letters, queries
from registry.rules.policy import PolicyBook

PAGE = "/list-invitations/"
MAILER = system("imports")
log = logging.getLogger(__name__)


def send_letters(
    db: Session, *, settings: Settings, texts: Texts, lg_code: str, now: datetime, book: PolicyBook
) -> int:
    """Mail the next people; when the mail server is away the rest waits for the next tick."""
    secret = settings.secret_key.get_secret_value()
    letters = list_letters.letters(db, lg_code=lg_code, secret=secret, now=now, book=book)
    town = queries.government(db, lg_code).name
    mailed = 0
    for at, letter in enumerate(letters):
        until = letter.row.answer_by
        facts = {
            "town": town,
            "link": f"{settings.public_url}{PAGE}{letter.token}",
            "until": "" if until is None else until.isoformat(),
        }
        subject, japanese = texts.notice_text("ja", "list_invitation", facts)
        _, english = texts.notice_text("en", "list_invitation", facts)
        try:
            # The same id when it is tried again: mail programs show it once.
            mail.send(
                settings,
                letter.email,
                subject,
                f"{japanese}\n{english}",
                message_id=f"<list-{letter.row.id}@{mail.mail_domain(settings)}>",
            )
        except smtplib.SMTPRecipientsRefused:
            # An address that takes no mail is not tried for ever; nobody answers, and it expires.
            continue
        except (OSError, smtplib.SMTPException) as error:
            # Neither address nor link may reach a log.
            log.warning("invitations of a list not mailed: %s", type(error).__name__)
            for left in letters[at:]:
                list_letters.not_mailed(left)
            break
        mailed += 1
    if mailed:
        audit.record(
            db,
            actor=MAILER,
            action="import.mail",
            subject=("import", letters[0].row.import_id),
            now=now,
            lg_code=lg_code,
            row_count=mailed,
        )
    return mailed
