"""Mail that comes back later: a delivery status report says which message reached nobody (RFC 3464).

The mail server took the message and found out afterwards. Its report goes to the sender's
address and from there to `furusato bounced`; what it names is noted and counted as a refusal at
once would have been.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage, Message
from uuid import UUID

from sqlalchemy import text

from core.clock import japan_day
from core.db import Database
from workers.notifications.relay import COUNT_LOST, RELAY

REPORT = "multipart/report"
#: A lasting failure; 4 is a delay, 2 a success (RFC 3463).
LASTING = "5."

#: All deliveries that the returned message carried: a digest is one letter for several.
_RETURN = f"""
with noted as (
  update delivery d set state = 'failed', error = :why
    from delivery first join notice n on n.person_id = first.person_id
   where first.id = :id and d.notice_id = n.id and d.channel = first.channel
     and d.provider_id = :message_id and d.state = 'sent'
  returning d.notice_id),
counted as ({COUNT_LOST})
select count(*) from noted
"""


@dataclass(frozen=True, slots=True)
class Returned:
    """A message of ours that did not arrive, and what the other side said."""

    message_id: str
    why: str


def read_report(report: bytes) -> Returned | None:
    """What a mail says came back; None for a delay, and for a mail that is no such report."""
    mail = message_from_bytes(report, policy=policy.default)
    if mail.get_content_type() != REPORT:
        return None
    parts = list(mail.iter_parts())
    why = next((said for part in parts for said in _failures(part)), None)
    message_id = next((found for part in parts if (found := _original(part))), None)
    if why is None or message_id is None:
        return None
    return Returned(message_id, why)


def _failures(part: Message) -> Iterator[str]:
    """Of each recipient who will never get it: the status, and what their server said."""
    if part.get_content_type() != "message/delivery-status":
        return
    groups = part.get_payload()
    for group in groups if isinstance(groups, list) else ():
        if not isinstance(group, Message):
            continue
        status = str(group.get("Status", "")).strip()
        failed = str(group.get("Action", "")).strip().lower() == "failed"
        if failed and status.startswith(LASTING):
            said = " ".join(str(group.get("Diagnostic-Code", "")).split())
            yield f"{status} {said}".strip()[:200]


def _original(part: Message) -> str | None:
    """The Message-ID of the returned message, of which whole or headers are enclosed."""
    kind = part.get_content_type()
    if kind == "message/rfc822" and isinstance(part, EmailMessage):
        enclosed = part.get_content()
    elif kind == "text/rfc822-headers" and isinstance(part, EmailMessage):
        enclosed = message_from_string(str(part.get_content()), policy=policy.default)
    else:
        return None
    return str(enclosed["Message-ID"] or "").strip() or None


def note_returned(database: Database, returned: Returned, *, now: datetime) -> int:
    """R06, R23: the notices of that message are noted as failed and counted for staff.

    Returns how many; a report that comes again, or is about another message (a sign-in code),
    changes nothing.
    """
    try:
        delivery_id = UUID(returned.message_id.strip("<>").partition("@")[0])
    except ValueError:
        return 0
    with database.transaction(RELAY) as db:
        found = db.execute(
            text(_RETURN),
            {
                "id": delivery_id,
                "message_id": returned.message_id,
                "why": returned.why,
                "today": japan_day(now),
            },
        )
        return int(found.scalar_one())
