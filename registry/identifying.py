"""What happens between the doors and the identity check, for pages and API alike (R12, R18)."""

import logging
import smtplib
from datetime import datetime
from uuid import UUID

from core import mail
from core.access import Actor
from core.clock import wall_now
from core.db import Context, for_person
from core.errors import Unavailable
from core.tenancy import Audience
from core.web import Platform
from registry import guardians, identity, idp
from registry.doors import GATE, as_person
from registry.evidence import Evidence
from registry.guardians import Invited
from registry.identity_provider import provider_of
from registry.idp_config import ProviderConfig
from registry.models import Guardianship
from registry.rules.families import Tie
from registry.rules.policy import PolicyBook

log = logging.getLogger(__name__)

#: Where an invited guardian is taken by the link in the mail.
INVITATION_PAGE = "/guardian-invitations/"
_INVITATIONS = {Tie.HELPER.value: "helper_invitation", Tie.MANAGED.value: "keeper_invitation"}


def as_gate(actor: Actor) -> Context:
    """The gate's context for somebody signed in: for rows that are another person's."""
    return Context(Audience.GATE, actor=actor.label, request_id=actor.request_id)


def as_ward(actor: Actor, guardianship: Guardianship) -> Context:
    """The minor's context, with the guardian (looked up at the gate) as the one who acts."""
    return for_person(guardianship.person_id, actor=actor.label, request_id=actor.request_id)


def ward_of(platform: Platform, actor: Actor, guardianship_id: UUID) -> Guardianship:
    """The consent of a guardian.

    Raises:
        NotFound: None of this guardian.
    """
    with platform.database.transaction(GATE) as db:
        return guardians.ward_of(db, actor=actor, guardianship_id=guardianship_id)


def ready(platform: Platform, *, actor: Actor, guardianship_id: UUID | None) -> ProviderConfig:
    """What to look up before a check begins: the provider, and a guardian's right to speak.

    Raises:
        NotFound: No such consent of this guardian.
        IdentityRefused: `provider_unavailable`.
    """
    if guardianship_id is not None:
        ward_of(platform, actor, guardianship_id)
    return provider_of(platform.settings)


def finish(
    platform: Platform,
    *,
    actor: Actor,
    session_hash: str,
    query: str,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> str:
    """R12, R18: the browser is back: verify, store, and let a guardian's consent live.

    Returns:
        The path to go on to.

    Raises:
        IdentityRefused, Refused: As `identity.finish_attempt`.
    """
    claimed = identity.finish_attempt(
        platform.database,
        as_person(actor),
        actor=actor,
        callback=idp.Callback.from_query(query),
        session_hash=session_hash,
        provider=provider_of(platform.settings),
        secret=platform.secret,
        now=now,
        at=wall_now(),
        book=book,
    )
    if claimed.guardianship_id is not None:
        found = claimed.guardianship_id
        platform.database.run(
            as_ward(actor, ward_of(platform, actor, found)),
            lambda db: guardians.verify(
                db, actor=actor, guardianship_id=found, now=now, book=book, evidence=evidence
            ),
        )
    return claimed.next_path


def invitation_link(platform: Platform, token: str) -> str:
    """The address an invited guardian opens."""
    return f"{platform.settings.public_url}{INVITATION_PAGE}{token}"


def mail_invitation(platform: Platform, invited: Invited, *, language: str) -> None:
    """R18: the link goes to the guardian's address, once the invitation is safely stored.

    Raises:
        Unavailable: `mail_away`: the mail server does not take it; a rehearsal goes on.
    """
    link = invitation_link(platform, invited.token)
    kind = _INVITATIONS.get(invited.guardianship.scope, "guardian_invitation")
    subject, text = platform.texts.notice_text(language, kind, {"link": link})
    try:
        mail.send(platform.settings, invited.guardianship.contact, subject, text)
    except (OSError, smtplib.SMTPException) as error:
        # Neither address nor link may reach a log.
        log.warning("guardian's invitation not mailed: %s", type(error).__name__)
        if not platform.settings.show_sign_in_codes:
            raise Unavailable(code="mail_away") from error
