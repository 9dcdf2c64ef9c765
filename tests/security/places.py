"""A local government with one of everything, and everybody who may knock at its doors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from secrets import token_bytes, token_hex
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from activities import calendars
from activities.evidence import SqlEvidence
from activities.hosts import HostRole
from activities.models import ActivitySession, CheckIn, Participation, ScanAttempt, StayDay
from activities.proposing import ProposalFields
from admin import exporting
from core.access import Actor, ActorKind, Role, system
from core.clock import japan_day
from core.db import Database, for_body, for_job
from core.ids import new_id
from core.models import Notice, Passkey, WebSession
from core.outbox import NoticeDraft, tell
from core.texts import Texts
from mobile import certificates, exports
from registry import (
    confirming,
    guardians,
    import_files,
    importing,
    joining,
    list_letters,
    pushing,
    questions,
)
from registry.models import (
    Application,
    Card,
    DuplicatePair,
    IdentityAttempt,
    Registration,
    Term,
    TownNews,
)
from tests.factories.activities import (
    create_activity,
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
    sign_up,
)
from tests.factories.desk import (
    apply_for_premium,
    report_stay,
    scan_poster,
    take_part_for_real,
)
from tests.factories.premium import set_mode, show_card
from tests.factories.presence import make_card, make_device, make_keys, make_ticket
from tests.factories.registry import (
    GATE,
    NOW,
    OPERATOR,
    SignedIn,
    create_person,
    grant,
    join,
    make_staff,
    policy_book,
    sign_in,
)
from tests.factories.town_files import CALENDAR, PLAIN, csv_file
from tests.factories.trials import make_trial

LONG_AGO = NOW - timedelta(days=30)
STAYED = date(2027, 5, 20)


@cache
def _texts() -> Texts:
    return Texts.load()


@dataclass(frozen=True, slots=True)
class Place:
    """One local government's people, and the ids of its things by the names routes give them.

    Attributes:
        ids: What a path parameter of this name may hold; a longer name, `route fragment:name`,
            is right below that part of a path only.
        people: Who acts there, by the kind of actor.
        seeds: Personal values that only this place's people typed.
    """

    lg_code: str
    ids: Mapping[str, str]
    people: Mapping[str, SignedIn]
    device: str
    seeds: tuple[str, ...]

    def path(self, template: str) -> str:
        """A route's path with this place's ids."""
        filled = template
        for part in [one for one in template.split("/") if one.startswith("{")]:
            name = part.strip("{}")
            fitting = [key for key in self.ids if key.endswith(f":{name}")]
            key = next((one for one in fitting if one.split(":")[0] in template), name)
            filled = filled.replace(part, self.ids[key], 1)
        return filled


def settle(database: Database, lg_code: str, *, family: str = "山田") -> Place:
    """Fill a local government: hosts, activities, presence, premium, a minor, staff."""
    organiser = create_person(database, nickname=f"{family} 主催", now=LONG_AGO)
    reception = create_person(database, nickname=f"{family} 受付", now=LONG_AGO)
    neighbour = create_person(database, nickname=f"{family} 隣", now=LONG_AGO)
    person = create_person(
        database,
        nickname=f"{family}太郎",
        name=f"{family} 太郎",
        kana="ヤマダ タロウ",
        now=LONG_AGO,
    )
    holder = create_person(
        database, nickname=f"{family}花", name=f"{family} 花", kana="ヤマダ ハナ", now=LONG_AGO
    )
    for one in (person, holder):
        join(database, one, lg_code, now=LONG_AGO)
    organisation = create_organisation(database, lg_code, name=f"{family}の会", now=LONG_AGO)
    create_member(database, organisation, organiser.id, now=LONG_AGO)
    create_member(database, organisation, reception.id, role=HostRole.RECEPTION, now=LONG_AGO)
    other = create_organisation(database, lg_code, name=f"{family}の隣の会", now=LONG_AGO)
    create_member(database, other, neighbour.id, now=LONG_AGO)
    fields = ProposalFields(
        f"{family}の田んぼ",
        "agriculture_forestry",
        summary=f"{family}の田で草を刈ります。",
        bring=f"{family}の長ぐつ",
        contact=f"{family} 0577",
    )
    activity = create_designated_activity(database, organisation, fields=fields, now=LONG_AGO)
    proposal = create_activity(database, organisation)
    session = create_session(
        database, activity, starts_at=NOW + timedelta(minutes=30), capacity=20, now=LONG_AGO
    )
    sign_up(database, session, person.id)
    address = f"東京都世田谷区{family}4丁目21番27号"
    show_card(database, person, name=f"{family} 太郎", address=address)
    keys = make_keys(database, lg_code, now=NOW)
    take_part_for_real(database, activity, person, days=3)
    set_mode(database, lg_code, "review")
    application = apply_for_premium(database, person, lg_code)
    grant(
        database,
        holder,
        lg_code,
        first_day=NOW.date() - timedelta(days=330),
        last_day=NOW.date() + timedelta(days=34),
    )
    report_stay(database, person, STAYED, lg_code)
    scan = scan_poster(database, session, holder, now=NOW)
    make_card(database, keys, person, lg_code=lg_code, now=NOW)
    device = make_device(database, organisation.id, lg_code=lg_code, now=NOW)
    staff = {
        role.value: make_staff(database, lg_code, role, name=f"{family} {role.value}")
        for role in Role
    }
    registrants = {
        "person": person,
        "holder": holder,
        "organiser": organiser,
        "reception": reception,
        "neighbour": neighbour,
    }
    # A sign-in of long ago has ended by now.
    people = staff | {
        name: replace(one, token=sign_in(database, one.email)) for name, one in registrants.items()
    }
    ids = {
        "lg_code": lg_code,
        "activity_id": proposal.id,
        "/sessions:activity_id": activity.id,
        "/activities/{lg_code}:activity_id": activity.id,
        "session_id": session.id,
        "organisation_id": organisation.id,
        "application_id": application.id,
        "account_id": staff["viewer"].id,
        "person_id": person.id,
        "/members:person_id": reception.id,
        "day": STAYED,
        "key": "decision.mode",
        "code": session.poster_code,
        "/operator:code": lg_code,
        "scan_id": scan.scan_id,
        "ticket_id": make_ticket(database, organisation.id, lg_code=lg_code, now=NOW).id,
        "token": "",
        "confirmation_id": _wish(database, lg_code),
        "step_id": _step(database, lg_code),
        **_rows_of(database, person, holder, lg_code),
        **_of_a_family(database, person, holder, session, family),
        **_of_a_list(database, lg_code, family),
        "question_id": _question(database, person, lg_code, family),
        "file_id": _file(database, staff["manager"], lg_code),
    }
    return Place(
        lg_code,
        {name: str(one) for name, one in ids.items()},
        people,
        device,
        (f"{family} 太郎", address, *(one.email for one in people.values())),
    )


def _step(database: Database, lg_code: str) -> UUID:
    """A day on which it is to pause."""
    with database.transaction(OPERATOR) as db:
        return joining.plan(
            db,
            actor=Actor(ActorKind.OPERATOR, name="plan"),
            lg_code=lg_code,
            state="left",
            on_day=STAYED.replace(year=2030),
            reason="点検",
            now=NOW,
        ).id


def _wish(database: Database, lg_code: str) -> UUID:
    """What a manager asked for and a second person has to confirm."""
    manager = make_staff(database, lg_code, name="頼んだ人")
    with database.transaction(for_body(lg_code, actor=manager.actor.label)) as db:
        row = confirming.ask_requirement(
            db,
            actor=manager.actor,
            lg_code=lg_code,
            tree={"count": 2},
            effective_from=STAYED.replace(year=2029),
            now=NOW,
            book=policy_book(),
        )
        return row.id


def _phone(db: Session, person: SignedIn, lg_code: str) -> UUID:
    """A phone that shows the person's card."""
    registration = db.scalars(
        select(Registration.id).filter_by(lg_code=lg_code, person_id=person.id)
    ).one()
    card = Card(
        lg_code=lg_code,
        id=new_id(),
        card_ref=token_bytes(10).hex(),
        registration_id=registration,
        person_id=person.id,
        kind="phone",
        device_public_key="02" + "11" * 32,
        device_name="iPhone",
        issued_at=NOW,
        expires_on=NOW.date() + timedelta(days=30),
    )
    db.add(card)
    db.flush()
    return card.id


def _certificate(db: Session, person: SignedIn, lg_code: str) -> str:
    """The number of one that the person has made."""
    made = certificates.issue(
        db, actor=person.actor, lg_code=lg_code, now=NOW, evidence=SqlEvidence()
    )
    return f"{lg_code}-{made.number}"


def _pair(db: Session, lg_code: str) -> UUID:
    """Two registrations that look alike."""
    both = select(Registration.id).filter_by(lg_code=lg_code).order_by(Registration.id).limit(2)
    first, second = sorted(db.scalars(both))
    row = DuplicatePair(
        lg_code=lg_code, first_id=first, second_id=second, reasons=["name"], found_at=NOW
    )
    db.add(row)
    db.flush()
    return row.id


def _news(db: Session, lg_code: str) -> UUID:
    """A piece of news of the local government."""
    row = TownNews(lg_code=lg_code, title="便り", text="便り", published_at=NOW, written_by="staff")
    db.add(row)
    db.flush()
    return row.id


def _rows_of(
    database: Database, person: SignedIn, holder: SignedIn, lg_code: str
) -> dict[str, Any]:
    """Ids that the use cases made on the way."""
    with database.transaction(for_body(lg_code, actor="system:test")) as db:
        own = {"lg_code": lg_code, "person_id": person.id}
        here = db.scalars(select(CheckIn).filter_by(**own)).first()
        assert here is not None
        device = db.connection().exec_driver_sql("select id from scanner_device").scalar_one()
        found = {
            "registration_id": db.scalars(select(Registration.id).filter_by(**own)).one(),
            "judgement_id": db.scalars(select(Application.judgement_id).filter_by(**own)).one(),
            "check_in_id": here.id,
            "/check-ins/{check_in_id}:session_id": here.session_id,
            "participation_id": db.scalars(select(Participation.id).filter_by(**own)).first(),
            "term_id": db.scalars(select(Term.id).filter_by(person_id=holder.id)).one(),
            "device_id": device,
            "phone_id": _phone(db, person, lg_code),
            "number": _certificate(db, person, lg_code),
            "news_id": _news(db, lg_code),
            "trial_id": make_trial(db, lg_code),
            "pair_id": _pair(db, lg_code),
        }
        assert db.scalars(select(StayDay.state).filter_by(day=STAYED, **own)).one() == "reported"
        tell(
            db,
            [NoticeDraft(person.id, "registration_ended", "test", lg_code=lg_code, channels=())],
            now=NOW,
        )
    with database.transaction(person.context) as db:
        found["notice_id"] = db.scalars(select(Notice.id).filter_by(period_key="test")).one()
        scan = select(ScanAttempt.scan_id).filter_by(person_id=person.id)
        found["/done:scan_id"] = db.scalars(scan).first()
        attempt = new_id()
        db.execute(
            insert(IdentityAttempt).values(
                id=attempt,
                person_id=person.id,
                session_hash=token_hex(32),
                purpose="premium",
                state_hash=token_hex(32),
                nonce=token_hex(8),
                verifier=token_hex(8),
                scopes="openid",
                next_path="/",
                created_at=NOW,
                expires_at=NOW + timedelta(minutes=10),
            )
        )
    with database.transaction(GATE) as db:
        session = select(WebSession.id).filter_by(account_id=person.id).limit(1)
        found["sign_in_id"] = db.scalars(session).one()
        key = Passkey(
            id=new_id(),
            account_id=person.id,
            credential_id=token_bytes(16),
            public_key=b"",
            sign_count=0,
            name=person.email.partition("@")[0],
            device_type="single_device",
            backed_up=False,
            aaguid="",
            transports=[],
            created_at=NOW,
        )
        db.add(key)
        found["passkey_id"] = key.id
    with database.transaction(person.context) as db:
        export = exports.ask(db, actor=person.actor, now=NOW)
        browser = pushing.Browser("https://push.example/x", "p", "a", "Firefox", token_hex(32))
        shown = pushing.subscribe(db, actor=person.actor, browser=browser, now=NOW)
    exports.make(
        database,
        secret=database._settings.secret_key.get_secret_value(),
        texts=_texts(),
        export_id=export.id,
        person_id=person.id,
        now=NOW,
        told=False,
    )
    return found | {
        "attempt_id": attempt,
        "export_id": export.id,
        "subscription_id": shown.id,
        "kind": "json",
    }


def _of_a_family(
    database: Database, guardian: SignedIn, helper: SignedIn, session: ActivitySession, family: str
) -> dict[str, Any]:
    """A minor whom the person speaks for, an adult whom they help, and who helps them."""
    child = create_person(
        database,
        nickname=f"{family}の子",
        birth_date=japan_day(NOW).replace(year=2011),
        now=LONG_AGO,
    )
    with database.transaction(child.context) as db:
        invited = guardians.invite(
            db,
            actor=child.actor,
            contact=guardian.email,
            scope="basic",
            now=NOW,
            book=policy_book(),
        )
    with database.transaction(GATE) as db:
        row = guardians.confirm(db, actor=guardian.actor, token=invited.token, now=NOW)
        guardianship: UUID = row.id
    join(database, child, session.lg_code)
    helped = create_person(database, nickname=f"{family}の祖母", now=LONG_AGO)
    join(database, helped, session.lg_code, now=LONG_AGO)
    sign_up(database, session, helped.id)
    helping = helps(database, guardian, helped)
    return {
        "guardianship_id": guardianship,
        "token": invited.token,
        "/guardianships/{guardianship_id}/sign-ups:guardianship_id": helping,
        "/family/{guardianship_id}/sign-ups:guardianship_id": helping,
        "/family/helpers:guardianship_id": helps(database, helper, guardian),
    }


def helps(database: Database, helper: SignedIn, helped: SignedIn) -> UUID:
    """An adult lends another one a hand."""
    with database.transaction(helped.context) as db:
        invited = guardians.invite(
            db,
            actor=helped.actor,
            contact=helper.email,
            scope="helper",
            now=NOW,
            book=policy_book(),
        )
    with database.transaction(GATE) as db:
        return guardians.confirm(db, actor=helper.actor, token=invited.token, now=NOW).id


def _file(database: Database, manager: SignedIn, lg_code: str) -> UUID:
    """A file that a manager asked for, made by the worker."""
    with database.transaction(for_body(lg_code, actor=manager.actor.label)) as db:
        row = exporting.ask(
            db,
            actor=manager.actor,
            lg_code=lg_code,
            kind="members",
            form="csv",
            wanted={},
            purpose="report",
            language="ja",
            now=NOW,
        )
    secret = database._settings.secret_key.get_secret_value()
    with database.transaction(for_job("desk_exports", lg_code)) as db:
        exporting.make_due(db, lg_code=lg_code, secret=secret, texts=_texts(), now=NOW)
    return row.id


def _question(database: Database, person: SignedIn, lg_code: str, family: str) -> UUID:
    """A question without an answer."""
    with database.transaction(person.context) as db:
        return questions.ask(
            db,
            actor=person.actor,
            lg_code=lg_code,
            text=f"{family}の家から行けますか。",
            now=NOW,
            book=policy_book(),
        ).id


def _of_a_list(database: Database, lg_code: str, family: str) -> dict[str, Any]:
    """A list that was brought along, and one whose people were asked."""
    clerk = system("test")
    secret = database._settings.secret_key.get_secret_value()
    with database.transaction(for_body(lg_code, actor=clerk.label)) as db:
        looked_at, asked = (
            import_files.upload(
                db,
                importing.PEOPLE,
                import_files.Reading(clerk, lg_code, secret, NOW),
                name="名簿.csv",
                data=csv_file(
                    [PLAIN, ("1", family, "", f"{number}@{lg_code}.example.jp", "R8.4.1")]
                ),
            )
            for number in (1, 2)
        )
        importing.confirm(db, actor=clerk, lg_code=lg_code, import_id=asked.id, now=NOW)
        letters = list_letters.letters(
            db, lg_code=lg_code, secret=secret, now=NOW, book=policy_book()
        )
        calendar = calendars.bring(
            db,
            import_files.Reading(clerk, lg_code, secret, NOW),
            name="行事予定.csv",
            data=csv_file([CALENDAR, (f"{family}の集い", "R9.8.1", "9:00", "12:00", family, "")]),
            book=policy_book(),
        )
        return {
            "import_id": looked_at.id,
            "calendars:import_id": calendar.id,
            "list-invitations:token": letters[0].token,
        }
