"""Signing in by a mailed code, for pages and API alike: what happens between door and gate."""

import logging
import smtplib
from datetime import datetime

from core import mail, signin
from core.clock import japan_day
from core.db import for_person
from core.errors import Unavailable, invalid
from core.signin import IssuedCode, SignedIn
from core.web import Platform
from registry.access import touch_by_login
from registry.doors import GATE
from registry.rules.policy import PolicyBook

KINDS = ("person", "staff", "operator")
log = logging.getLogger(__name__)


def send_code(
    platform: Platform, *, kind: str, email: str, address: str, language: str, now: datetime
) -> IssuedCode:
    """R03: make a code and mail it, once it is safely stored; at once, and not as a notice.

    Known and unknown addresses get the same answer. Losing the mail server is said, unless a
    rehearsal shows the code on the page anyway.

    Args:
        platform: The parts of this process.
        kind: `person`, `staff` or `operator`.
        email: As typed.
        address: The network address that asks, for the limit; kept hashed.
        language: Short name of the language of the mail.
        now: The instant.

    Raises:
        Invalid: The address is none.
        TooMany: Too many codes for it, or from there.
        Unavailable: `mail_away`: the mail server does not take it.
    """
    with platform.database.transaction(GATE) as db:
        issued = signin.start(
            db, kind=kind, email=email, secret=platform.secret, address=address, now=now
        )
    subject, text = platform.texts.notice_text(language, "sign_in_code", {"code": issued.code})
    try:
        mail.send(platform.settings, issued.email, subject, text)
    except (OSError, smtplib.SMTPException) as error:
        # Neither address nor code may reach a log.
        log.warning("sign-in code not mailed: %s", type(error).__name__)
        if not platform.settings.show_sign_in_codes:
            raise Unavailable(code="mail_away") from error
    return issued


def prove_code(
    platform: Platform,
    *,
    code: str,
    binding: str,
    transport: str,
    user_agent: str,
    now: datetime,
    book: PolicyBook,
) -> tuple[str, SignedIn]:
    """R03: the token of a new session and whose it is, when the code is right.

    Args:
        platform: The parts of this process.
        code: As typed; spaces do not matter.
        binding: What the browser or app that asked was given.
        transport: `cookie` or `bearer`.
        user_agent: Shown in the list of sign-ins.
        now: The instant.
        book: The policy book.

    Raises:
        Invalid: `code_wrong`; the try is counted.
        Gone: `code_expired`: ten minutes or five tries are over, or it was used.
        Refused: The address belongs to nobody of this kind.
    """
    with platform.database.transaction(GATE) as db:
        token = signin.sign_in(
            db,
            code="".join(code.split()),
            binding=binding,
            secret=platform.secret,
            transport=transport,
            user_agent=user_agent,
            now=now,
        )
    # After the commit: a wrong try counts.
    if token is None:
        raise invalid("code_wrong", field="code")
    with platform.database.transaction(GATE) as db:
        signed_in = signin.session_of(db, token, now=now)
    if signed_in is None:
        raise invalid("code_wrong", field="code")
    if signed_in.kind == "person":
        with platform.database.transaction(for_person(signed_in.account_id)) as db:
            touch_by_login(db, person_id=signed_in.account_id, today=japan_day(now), book=book)
    return token, signed_in
