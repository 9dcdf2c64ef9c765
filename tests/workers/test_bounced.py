"""R06, R23: mail that comes back after the mail server took it (RFC 3464)."""

import os
import re
import subprocess
import sys
from pathlib import Path
from smtplib import SMTP

import pytest
from aiosmtpd.controller import Controller

from app.mailcatcher import Keeper
from core.db import Database, for_job
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from tests.workers.nights import HIDA, address, at, do, rows
from tests.workers.test_relay import TODAY, free_port, owed
from workers.notifications.bounced import Returned, note_returned, read_report
from workers.notifications.mail import MailChannel
from workers.notifications.relay import Relay

ROOT = Path(__file__).parents[2]
SENDER = "furusato@furusato.invalid"
SAID = "5.1.1 smtp; 550 5.1.1 no such user"

#: As Postfix writes it; the returned message, or its headers alone, is the last part.
REPORT = """\
From: MAILER-DAEMON@mail.example
To: {sender}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example
Arrival-Date: Tue, 1 Jun 2027 12:00:00 +0900

Final-Recipient: rfc822; somebody@example.jp
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.jp
Diagnostic-Code: smtp; 550 5.1.1
    no such user

--=_b
Content-Type: {kind}

{original}
--=_b--
"""


def report(
    original: str, *, action: str = "failed", status: str = "5.1.1", kind: str = "message/rfc822"
) -> bytes:
    return REPORT.format(
        sender=SENDER, action=action, status=status, kind=kind, original=original
    ).encode()


def pipe(database: Database, mail: bytes) -> subprocess.CompletedProcess[bytes]:
    """As a mail server hands it over."""
    environment = os.environ | {
        "DATABASE_URL": address(database),
        "FURUSATO_ENVIRONMENT": "test",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", "bounced"],
        input=mail,
        env=environment,
        capture_output=True,
        check=False,
    )


def test_r06_mail_that_comes_back_is_noted_and_counted_once(
    own_database: Database, tmp_path: Path
) -> None:
    """Sent through a real server, returned as that server kept it, piped into the console."""
    parts, port = owed(own_database, 2), free_port()
    settings = parts.settings.model_copy(update={"smtp_port": port})
    catcher = Controller(Keeper(tmp_path), hostname="127.0.0.1", port=port)
    catcher.start()
    try:
        assert Relay(parts, {"mail": MailChannel(settings)}).drain() == {"sent": 2}
        lost = min(tmp_path.glob("*.eml")).read_bytes().decode()
        with SMTP("127.0.0.1", port) as server:
            server.sendmail("", [SENDER], re.sub(rb"\r?\n", b"\r\n", report(lost)))
    finally:
        catcher.stop()
    (returned,) = (one for one in sorted(tmp_path.glob("*.eml")) if SENDER in one.read_text()[:99])
    for noted in (1, 0):
        done = pipe(own_database, returned.read_bytes())
        assert (done.returncode, f'"returned": {noted}' in done.stdout.decode()) == (0, True), done
    states = "select state, error, count(*) from delivery group by 1, 2 order by 1"
    assert rows(own_database, states) == [("failed", SAID, 1), ("sent", None, 1)]
    counted = rows(own_database, "select lg_code, kind, found from undelivered")
    assert counted == [(HIDA, "renewal_booked", 1)]


def test_r23_a_letter_for_several_notices_came_back_for_all_of_them(
    own_database: Database,
) -> None:
    parts = owed(own_database, 1)
    someone = rows(own_database, "select id from person")[0][0]
    with own_database.transaction(for_job("test", HIDA)) as db:
        facts = {"government": "飛騨市", "day": "2029-02-28"}
        tell(db, [NoticeDraft(someone, "renewal_grace", "y", HIDA, facts)], now=at(TODAY, 0))
    first = rows(own_database, "select min(id::text) from delivery")[0][0]
    letter = f"<{first}@furusato.invalid>"
    do(own_database, "update delivery set state = 'sent', provider_id = %s", letter)
    now = parts.clock.now()
    assert note_returned(own_database, Returned(letter, SAID), now=now) == 2
    assert rows(own_database, "select distinct state from delivery") == [("failed",)]
    assert rows(own_database, "select sum(found) from undelivered") == [(2,)]
    for other in ("<178012.1@furusato.invalid>", f"<{new_id()}@furusato.invalid>", "nonsense"):
        assert note_returned(own_database, Returned(other, SAID), now=now) == 0


OURS = "Message-ID: <a@furusato.invalid>\nSubject: x\n\nbody\n"


@pytest.mark.parametrize(
    ("mail", "found"),
    [
        (report(OURS), Returned("<a@furusato.invalid>", SAID)),
        (report(OURS, kind="text/rfc822-headers"), Returned("<a@furusato.invalid>", SAID)),
        (report(OURS, action="delayed", status="4.4.1"), None),
        (report(OURS, status="4.4.7"), None),
        (report(OURS, action="delivered", status="2.0.0"), None),
        (report("Subject: no id\n\n"), None),
        (OURS.encode(), None),
        (report(OURS)[:300], None),
        (bytes(range(256)), None),
        (b"", None),
    ],
)
def test_r23_only_a_lasting_failure_is_one(mail: bytes, found: Returned | None) -> None:
    assert read_report(mail) == found
