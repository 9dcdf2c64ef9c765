"""A town on an ordinary morning, for the pages of the desk: one of everything that waits."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from activities import stays
from activities.checkin import check_in
from activities.evidence import SqlEvidence
from activities.models import Activity, ActivitySession, Organisation
from activities.proposing import ProposalFields
from activities.rules.checkin import Method
from activities.scans import Answer, Scan, Source
from core.access import Role
from core.clock import japan_day
from core.db import Database, for_body, for_job
from qr.signatures import KeyRing
from registry import duplicates, premium
from registry.models import Application
from registry.policies import body_policy
from tests.factories.activities import (
    BOOK,
    create_activity,
    create_designated_activity,
    create_organisation,
    create_session,
    sign_up,
)
from tests.factories.premium import ready, set_mode, show_card
from tests.factories.registry import (
    HIDA,
    NOW,
    SignedIn,
    create_person,
    join,
    make_staff,
    policy_book,
)

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Morning:
    """What the staff of a town find when they come in."""

    manager: SignedIn
    approver: SignedIn
    clerk: SignedIn
    organisation: Organisation
    proposal: Activity
    activity: Activity
    session: ActivitySession
    expected: SignedIn
    applicant: SignedIn
    application: Application
    registration_id: UUID


def scan(
    database: Database, session: ActivitySession, label: str, given: Scan, *, now: datetime
) -> Answer:
    """One scan by a source, judged and stored."""
    with database.transaction(for_body(session.lg_code, actor=label)) as db:
        return check_in(
            db,
            lg_code=session.lg_code,
            scans=[given],
            source=Source(label=label, actor=label),
            ring=KeyRing(()),
            policies=lambda day: body_policy(db, BOOK, session.lg_code, day).snapshot(
                day, session.lg_code
            ),
            now=now,
        )[0]


def arrive(database: Database, session: ActivitySession, someone: SignedIn) -> Answer:
    """Somebody without phone or card, vouched for by two people during the session."""
    now = session.starts_at + timedelta(minutes=5)
    answers = [
        scan(
            database,
            session,
            f"staff:{uuid4()}",
            Scan(
                scan_id=uuid4(),
                scanned_at=now,
                session_id=session.id,
                person_id=someone.id,
                method=Method.ROSTER,
                walk_in_confirmed=True,
            ),
            now=now,
        )
        for _ in range(2)
    ]
    return answers[-1]


def scan_poster(
    database: Database, session: ActivitySession, someone: SignedIn, *, now: datetime
) -> Answer:
    """Somebody who did not sign up follows the poster's link; a second look is needed."""
    given = Scan(
        scan_id=uuid4(),
        scanned_at=now,
        session_id=session.id,
        person_id=someone.id,
        method=Method.POSTER,
    )
    return scan(database, session, f"person:{someone.id}", given, now=now)


def take_part_for_real(
    database: Database, activity: Activity, someone: SignedIn, *, days: int, before: datetime = NOW
) -> None:
    """Sessions on the days before an instant, each with the person there."""
    for ago in range(days, 0, -1):
        starts_at = before - ago * ONE_DAY
        session = create_session(
            database, activity, starts_at=starts_at, now=starts_at - timedelta(hours=2)
        )
        assert arrive(database, session, someone).outcome == "accepted"


def apply_for_premium(database: Database, someone: SignedIn, lg_code: str = HIDA) -> Application:
    """An application in the person's own transaction."""
    with database.transaction(someone.context) as db:
        return premium.apply(
            db,
            actor=someone.actor,
            lg_code=lg_code,
            now=NOW,
            book=policy_book(),
            evidence=SqlEvidence(),
        ).application


def report_stay(database: Database, someone: SignedIn, day: date, lg_code: str = HIDA) -> None:
    """A stay without a code, to be let count by staff."""
    with database.transaction(for_body(lg_code, actor=someone.actor.label)) as db:
        stays.report(db, actor=someone.actor, lg_code=lg_code, day=day, now=NOW)


def create_morning(database: Database, *, mode: str = "review") -> Morning:
    """飛騨市 at ten on 2027-06-01, with a session this noon."""
    long_ago = NOW - timedelta(days=30)
    organisation = create_organisation(database, name="種蔵棚田保存会", kind="npo", now=long_ago)
    activity = create_designated_activity(
        database,
        organisation,
        fields=ProposalFields(
            "種蔵の棚田 草刈りと水路の手入れ",
            "agriculture_forestry",
            summary="棚田のあぜの草を刈り、水路にたまった土を上げます。",
            bring="長ぐつ、軍手、飲みもの",
            contact="種蔵棚田保存会 0577-00-0000",
        ),
        now=long_ago,
    )
    proposal = create_activity(
        database,
        organisation,
        fields=ProposalFields(
            "古川祭の準備", "festival", summary="屋台の飾り付けと、通りの掃除をします。"
        ),
    )
    session = create_session(
        database, activity, starts_at=NOW + timedelta(minutes=30), capacity=20, now=long_ago
    )
    expected = create_person(
        database, nickname="はなこ", name="山田 花子", kana="ヤマダ ハナコ", now=long_ago
    )
    join(database, expected, HIDA, now=long_ago)
    sign_up(database, session, expected.id)
    applicant = create_person(
        database, nickname="太郎", name="髙橋 太郎", kana="タカハシ タロウ", now=long_ago
    )
    row = join(database, applicant, HIDA, now=long_ago)
    show_card(database, applicant, name="髙橋 太郎")
    take_part_for_real(database, activity, applicant, days=3)
    set_mode(database, HIDA, mode)
    application = apply_for_premium(database, applicant)
    report_stay(database, expected, date(2027, 5, 20))
    scan_poster(database, session, applicant, now=NOW)
    return Morning(
        manager=make_staff(database, HIDA, Role.MANAGER, name="中村 管理"),
        approver=make_staff(database, HIDA, Role.APPROVER, name="山本 直子"),
        clerk=make_staff(database, HIDA, Role.CLERK, name="小林 受付"),
        organisation=organisation,
        proposal=proposal,
        activity=activity,
        session=session,
        expected=expected,
        applicant=applicant,
        application=application,
        registration_id=row.id,
    )


def create_twins(
    database: Database, *, name: str = "森 美咲", now: datetime = NOW
) -> tuple[SignedIn, SignedIn, UUID]:
    """Somebody who registered twice, as the night finds them; and the pair's id."""
    first = create_person(database, nickname="みさき", name=name, kana="モリ ミサキ", now=now)
    second = create_person(database, nickname="美咲", name=name.replace(" ", "　"), now=now)
    for one in (first, second):
        join(database, one, HIDA, now=now)
    with database.transaction(for_job("duplicates", HIDA)) as db:
        assert duplicates.find(db, lg_code=HIDA, as_of=japan_day(now), now=now)
        pairs = duplicates.waiting(db, lg_code=HIDA, limit=50)
    mine = {first.id, second.id}
    return (
        first,
        second,
        next(one.row.id for one in pairs if {both.person_id for both in one.both} == mine),
    )


def create_applicants(database: Database, count: int) -> list[Application]:
    """People who meet the requirement of 飛騨市 and wait for its staff."""
    found = []
    for number in range(1, count + 1):
        someone = create_person(database, nickname=f"申請者{number}")
        ready(database, someone, HIDA, mode="review")
        show_card(database, someone, name=f"申請 {number}")
        found.append(apply_for_premium(database, someone))
    return found
