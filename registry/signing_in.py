"""Signing in by a mailed code or a passkey, for pages and API alike: between door and gate."""

import logging
import smtplib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from core import mail, passkeys, signin
from core.browsers import browser_of
from core.clock import japan_day
from core.db import for_person
from core.errors import Refused, SignInNeeded, Unavailable, invalid
from core.outbox import NoticeDraft, tell
from core.passkey_challenges import Claimed, claim, party_of
from core.passkey_list import forget_all
from core.passkeys import Opened
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
    device: str = "",
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
        device: The browser's mark; empty for an app.
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
            device=device,
            now=now,
        )
    # After the commit: a wrong try counts.
    if token is None:
        raise invalid("code_wrong", field="code")
    return token, _arrive(platform, token, now=now, book=book)


def prove_passkey(
    platform: Platform,
    *,
    binding: str,
    credential: Mapping[str, Any],
    transport: str,
    user_agent: str,
    device: str = "",
    now: datetime,
    book: PolicyBook,
) -> tuple[str, SignedIn]:
    """The token of a new session and whose it is, when a device signed our challenge (d-11).

    Args:
        platform: The parts of this process.
        binding: What came with the challenge.
        credential: What the browser's `toJSON` gave.
        transport: `cookie` or `bearer`.
        user_agent: Shown in the list of sign-ins.
        device: The browser's mark; empty for an app.
        now: The instant.
        book: The policy book.

    Raises:
        Gone: `challenge_gone`: used, or older than five minutes.
        Invalid: `passkey_wrong`.
        Refused: `passkey_unknown`; `passkey_blocked`, also told to the person the first time.
    """
    party = party_of(platform.settings)
    claimed = claimed_of(platform, binding=binding, now=now)
    with platform.database.transaction(GATE) as db:
        opened = passkeys.finish_sign_in(
            db,
            party=party,
            claimed=claimed,
            credential=credential,
            transport=transport,
            user_agent=user_agent,
            device=device,
            now=now,
        )
    return token_of_opened(platform, opened, now=now), _arrive(
        platform, opened.token or "", now=now, book=book
    )


def claimed_of(platform: Platform, *, binding: str, now: datetime) -> Claimed | None:
    """Take a challenge away and commit that: whatever comes of it, it was its one try."""
    with platform.database.transaction(GATE) as db:
        return claim(db, binding=binding, now=now)


def token_of_opened(platform: Platform, opened: Opened, *, now: datetime) -> str:
    """The token a passkey opened; when it was blocked just now, its owner is told (d-11).

    Raises:
        Refused: `passkey_blocked`.
    """
    if opened.token is not None:
        return opened.token
    if opened.kind == "person":
        draft = NoticeDraft(opened.account_id, "passkey_blocked", str(opened.passkey_id))
        with platform.database.transaction(for_person(opened.account_id)) as db:
            tell(db, [draft], now=now)
    raise Refused(code="passkey_blocked")


def _arrive(platform: Platform, token: str, *, now: datetime, book: PolicyBook) -> SignedIn:
    """What follows every sign-in: the clock of dormancy (R06), and word of a new device.

    The token leaves only after this is committed, so no new device goes untold.
    """
    with platform.database.transaction(GATE) as db:
        signed_in = signin.session_of(db, token, now=now)
        if signed_in is None:
            raise SignInNeeded(code="sign_in_needed")
        new, agent = signin.is_new_device(db, signed_in)
    if signed_in.kind == "person":
        with platform.database.transaction(for_person(signed_in.account_id)) as db:
            touch_by_login(db, person_id=signed_in.account_id, today=japan_day(now), book=book)
            if new:
                draft = NoticeDraft(
                    signed_in.account_id,
                    "new_device",
                    str(signed_in.session_id),
                    facts={"device": browser_of(agent), "at": now.isoformat()},
                )
                tell(db, [draft], now=now)
    return signed_in


def leave_the_gate(platform: Platform, account_id: UUID, *, now: datetime) -> None:
    """R32: what follows a closed account: every sign-in ends, passkeys are forgotten."""
    with platform.database.transaction(GATE) as db:
        signin.end_all_sessions(db, account_id, now=now)
        forget_all(db, account_id)
