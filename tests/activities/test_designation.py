"""R09, R10: who may propose and designate what, in which steps, and what a withdrawal leaves."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from activities import designation, organisations, proposing
from activities.categories import LABELS
from activities.hosts import HostRole
from activities.models import Activity, ActivitySession, DesignationEvent, Organisation, SignUp
from activities.proposing import ProposalFields
from activities.queries import trust_on
from core.access import Role
from core.db import Database, for_body
from core.errors import Conflict, DomainError, Forbidden, Gone, Invalid, NotFound, Refused
from core.models import AuditEvent, Notice
from tests.activities.conftest import register
from tests.factories.activities import (
    BOOK,
    HIDA,
    NOW,
    YES,
    create_activity,
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
    host_actor,
    person_actor,
    sign_up,
    staff_actor,
    staff_host,
)

FIELDS = ProposalFields("農作業のお手伝い", "agriculture_forestry")
KESENNUMA = "042056"


def codes(error: DomainError) -> tuple[str, ...]:
    return tuple(problem.code for problem in error.problems)


def designate(
    database: Database,
    activity: Activity,
    *,
    answers: dict[str, bool] = YES,
    role: Role = Role.APPROVER,
) -> Activity:
    actor = staff_actor(activity.lg_code, role)
    with database.transaction(for_body(activity.lg_code, actor=actor.label)) as db:
        return designation.designate(
            db,
            actor=actor,
            lg_code=activity.lg_code,
            activity_id=activity.id,
            answers=answers,
            book=BOOK,
            now=NOW,
        )


def trust(
    database: Database,
    organisation: Organisation,
    categories: tuple[str, ...] = ("agriculture_forestry",),
    now: datetime = NOW,
) -> None:
    actor = staff_actor(organisation.lg_code)
    with database.transaction(for_body(organisation.lg_code, actor=actor.label)) as db:
        organisations.grant_trust(
            db,
            actor=actor,
            lg_code=organisation.lg_code,
            organisation_id=organisation.id,
            categories=categories,
            book=BOOK,
            now=now,
        )


def notices(database: Database, person_id: UUID) -> list[str]:
    with database.owner() as connection:  # type: ignore[attr-defined] # the rolled-back database of a test
        rows = connection.execute(
            select(Notice.kind).where(Notice.person_id == person_id).order_by(Notice.kind)
        )
        return [row.kind for row in rows]


def test_r09_every_category_has_words_and_can_be_proposed() -> None:
    assert set(BOOK.on("activity.categories", NOW.date()).value) == set(LABELS)


def test_r09_from_draft_to_designated_with_history_audit_and_notice(database: Database) -> None:
    person_id = register(database)
    organisation = create_organisation(database)
    create_member(database, organisation, person_id)
    host = host_actor(HIDA, organisation.id, person_id)
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        draft = proposing.propose(
            db, host=host, organisation_id=organisation.id, fields=FIELDS, book=BOOK, now=NOW
        )
        assert (draft.state, draft.published, draft.minutes_minimum) == ("draft", False, 60)
        proposing.submit(db, host=host, activity_id=draft.id, book=BOOK, now=NOW)
        assert draft.state == "submitted"
    session = create_session(database, draft)
    assert session.published is False
    found = designate(database, draft)
    assert (found.state, found.published, found.pattern) == ("designated", True, 1)
    assert found.designated_on == date(2027, 6, 1)
    assert found.checklist == YES
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        assert db.get_one(ActivitySession, (HIDA, session.id)).published is True
        steps = db.execute(
            select(DesignationEvent.from_state, DesignationEvent.to_state).where(
                DesignationEvent.activity_id == draft.id
            )
        ).all()
        assert sorted(map(tuple, steps)) == [("draft", "submitted"), ("submitted", "designated")]
        actions = set(
            db.scalars(select(AuditEvent.action).where(AuditEvent.subject_id == str(draft.id)))
        )
    assert actions == {"activity.propose", "activity.submitted", "activity.designated"}
    assert notices(database, person_id) == ["activity_designated"]


@pytest.mark.parametrize("category", ["purchase", "donation", "visit"])
def test_r09_purchase_donation_and_visit_are_never_proposed(
    database: Database, category: str
) -> None:
    organisation = create_organisation(database)
    with pytest.raises(Refused) as refused:
        create_activity(database, organisation, fields=ProposalFields("ふるさと", category))
    assert codes(refused.value) == ("never_counts",)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (ProposalFields("x", "gambling"), "category_unknown"),
        (ProposalFields("x", "festival", insurance="state"), "insurance_unknown"),
        (ProposalFields("x", "festival", minutes_minimum=59), "minutes_too_few"),
    ],
)
def test_r09_fields_that_cannot_be(database: Database, fields: ProposalFields, code: str) -> None:
    organisation = create_organisation(database)
    with pytest.raises((Invalid, Refused)) as refused:
        create_activity(database, organisation, fields=fields)
    assert codes(refused.value) == (code,)


def test_r09_one_question_not_answered_yes_stops_the_designation(database: Database) -> None:
    activity = create_activity(database, create_organisation(database))
    with pytest.raises(Refused) as refused:
        designate(database, activity, answers=YES | {"shortage_of_hands": False})
    assert codes(refused.value) == ("checklist_incomplete",)
    assert refused.value.problems[0].names == ("shortage_of_hands",)


def test_r09_a_clerk_does_not_designate(database: Database) -> None:
    activity = create_activity(database, create_organisation(database))
    with pytest.raises(Forbidden):
        designate(database, activity, role=Role.CLERK)


def test_r09_staff_who_proposed_for_a_host_do_not_designate_it(database: Database) -> None:
    organisation = create_organisation(database)
    host = staff_host()
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        activity = proposing.propose(
            db, host=host, organisation_id=organisation.id, fields=FIELDS, book=BOOK, now=NOW
        )
        proposing.submit(db, host=host, activity_id=activity.id, book=BOOK, now=NOW)
        with pytest.raises(Refused) as refused:
            designation.designate(
                db,
                actor=host.actor,
                lg_code=HIDA,
                activity_id=activity.id,
                answers=YES,
                book=BOOK,
                now=NOW,
            )
    assert codes(refused.value) == ("own_proposal",)


def test_c47_a_member_of_the_host_does_not_decide_on_it(database: Database) -> None:
    organisation = create_organisation(database)
    actor = staff_actor(HIDA)
    assert actor.id is not None
    create_member(database, organisation, actor.id)
    activity = create_activity(database, organisation)
    with (
        database.transaction(for_body(HIDA, actor=actor.label)) as db,
        pytest.raises(Refused) as refused,
    ):
        designation.reject(
            db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason="自分の団体", now=NOW
        )
    assert codes(refused.value) == ("own_proposal",)


def test_r09_returned_with_a_reason_revised_and_submitted_again(database: Database) -> None:
    person_id = register(database)
    organisation = create_organisation(database)
    create_member(database, organisation, person_id)
    activity = create_activity(database, organisation)
    actor, host = staff_actor(HIDA), staff_host()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        with pytest.raises(Refused) as refused:
            designation.return_proposal(
                db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason=" ", now=NOW
            )
        assert codes(refused.value) == ("reason_needed",)
        designation.return_proposal(
            db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason="日時が必要です", now=NOW
        )
        changed = ProposalFields("稲刈り", "agriculture_forestry", walk_in=False)
        revised = proposing.revise(
            db, host=host, activity_id=activity.id, fields=changed, book=BOOK, now=NOW
        )
        assert (revised.title, revised.walk_in, revised.state) == ("稲刈り", False, "returned")
        proposing.submit(db, host=host, activity_id=activity.id, book=BOOK, now=NOW)
        assert revised.state == "submitted"
        with pytest.raises(Refused) as closed:
            proposing.revise(
                db, host=host, activity_id=activity.id, fields=changed, book=BOOK, now=NOW
            )
    assert codes(closed.value) == ("proposal_closed",)
    assert notices(database, person_id) == ["activity_returned"]


def test_r09_a_rejected_proposal_goes_nowhere(database: Database) -> None:
    activity = create_activity(database, create_organisation(database))
    actor, host = staff_actor(HIDA), staff_host()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        designation.reject(
            db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason="営利だけの催し", now=NOW
        )
        with pytest.raises(Refused) as refused:
            proposing.submit(db, host=host, activity_id=activity.id, book=BOOK, now=NOW)
    assert codes(refused.value) == ("step_not_allowed",)


def test_r09_last_year_is_the_start_of_this_year(database: Database) -> None:
    fields = ProposalFields("盆踊り", "festival", bring="うちわ", insurance="participant")
    activity = create_designated_activity(database, fields=fields)
    host = staff_host()
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        copy = proposing.copy_activity(
            db, host=host, activity_id=activity.id, book=BOOK, now=NOW + timedelta(days=365)
        )
    assert copy.id != activity.id
    assert (copy.title, copy.bring, copy.insurance) == ("盆踊り", "うちわ", "participant")
    assert (copy.state, copy.published, copy.checklist) == ("draft", False, None)


def test_r09_a_host_of_another_organisation_sees_nothing(database: Database) -> None:
    person_id = register(database)
    activity = create_activity(database, create_organisation(database))
    other = create_organisation(database)
    host = host_actor(HIDA, other.id, person_id)
    with (
        database.transaction(for_body(HIDA, actor=host.actor.label)) as db,
        pytest.raises(NotFound),
    ):
        proposing.take_back(db, host=host, activity_id=activity.id, now=NOW)


def test_r10_a_trusted_organisation_is_designated_at_once(database: Database) -> None:
    organisation = create_organisation(database)
    trust(database, organisation)
    activity = create_activity(database, organisation)
    assert (activity.state, activity.pattern, activity.published) == ("designated", 2, True)
    other = create_activity(database, organisation, fields=ProposalFields("盆踊り", "festival"))
    assert (other.state, other.pattern) == ("submitted", None)


def test_r10_trust_ends_a_month_after_the_fiscal_year(database: Database) -> None:
    organisation = create_organisation(database)
    trust(database, organisation)
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        grant = trust_on(db, HIDA, organisation.id, date(2027, 6, 1))
        assert grant is not None
        assert (grant.since, grant.until) == (date(2027, 6, 1), date(2028, 4, 30))
    last = datetime(2028, 4, 30, 14, 59, tzinfo=UTC)  # 23:59 in Japan
    assert create_activity(database, organisation, now=last).state == "designated"
    assert create_activity(database, organisation, now=last + timedelta(minutes=1)).state == (
        "submitted"
    )


def test_r10_an_open_question_sends_a_trusted_proposal_to_staff(database: Database) -> None:
    organisation = create_organisation(database)
    trust(database, organisation)
    host = staff_host()
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        activity = proposing.propose(
            db, host=host, organisation_id=organisation.id, fields=FIELDS, book=BOOK, now=NOW
        )
        proposing.submit(
            db,
            host=host,
            activity_id=activity.id,
            book=BOOK,
            now=NOW,
            answers=YES | {"public_nature": False},
        )
    assert activity.state == "submitted"


def test_r10_trust_is_for_categories_that_can_count(database: Database) -> None:
    organisation = create_organisation(database)
    with pytest.raises(Refused):
        trust(database, organisation, ("donation",))
    with pytest.raises(Invalid):
        trust(database, organisation, ("gambling",))
    trust(database, organisation)
    with pytest.raises(Conflict):
        trust(database, organisation)


def test_r10_every_sampled_activity_is_looked_at_and_an_anomaly_ends_the_trust(
    database: Database,
) -> None:
    organisation = create_organisation(database)
    trust(database, organisation)
    actor = staff_actor(HIDA)
    sampled = next(
        activity
        for activity in (create_activity(database, organisation) for _ in range(400))
        if activity.audit_sampled
    )
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        designation.record_audit(
            db,
            actor=actor,
            lg_code=HIDA,
            activity_id=sampled.id,
            sound=False,
            note="参加者がいなかった",
            now=NOW,
        )
        with pytest.raises(NotFound):
            designation.record_audit(
                db, actor=actor, lg_code=HIDA, activity_id=sampled.id, sound=True, note="x", now=NOW
            )
    assert sampled.state == "designated"  # not retroactive
    assert create_activity(database, organisation).state == "submitted"


def test_r10_a_withdrawn_designation_ends_what_is_to_come_only(database: Database) -> None:
    person_id = register(database)
    activity = create_designated_activity(database)
    begun = create_session(database, activity, starts_at=NOW + timedelta(hours=1))
    later = create_session(database, activity, starts_at=NOW + timedelta(days=3))
    for session in (begun, later):
        sign_up(database, session, person_id)
    actor, at = staff_actor(HIDA), NOW + timedelta(hours=2)
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        found = designation.withdraw_designation(
            db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason="実体がない", now=at
        )
        assert (found.state, found.published, found.withdrawn_at) == ("withdrawn", False, at)
        assert found.designated_on == date(2027, 6, 1)
        states = {
            session.id: (row.state, entry)
            for session in (begun, later)
            for row in [db.get_one(ActivitySession, (HIDA, session.id))]
            for entry in db.scalars(select(SignUp.state).where(SignUp.session_id == session.id))
        }
    assert states == {begun.id: ("open", "taken"), later.id: ("cancelled", "cancelled")}
    assert "session_cancelled" in notices(database, person_id)


def test_r09_a_designation_is_withdrawn_by_staff_not_taken_back(database: Database) -> None:
    activity = create_designated_activity(database)
    host, actor = staff_host(), staff_actor(HIDA)
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        with pytest.raises(Refused):
            proposing.take_back(db, host=host, activity_id=activity.id, now=NOW)
        with pytest.raises(Refused) as refused:
            designation.withdraw_designation(
                db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason="", now=NOW
            )
    assert codes(refused.value) == ("reason_needed",)


def test_an_invitation_works_once_and_not_after_its_end(database: Database) -> None:
    organisation, actor = create_organisation(database), staff_actor(HIDA)
    first, second = person_actor(register(database)), person_actor(register(database))
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        tokens = [
            organisations.invite_member(
                db,
                actor=actor,
                lg_code=HIDA,
                organisation_id=organisation.id,
                name="主催 花子",
                role=HostRole.RECEPTION,
                now=NOW,
            ).token
            for _ in range(2)
        ]
    late = NOW + organisations.INVITATION_LIFE
    with database.transaction(for_body(HIDA, actor=first.label)) as db:
        member = organisations.accept_invitation(
            db, actor=first, lg_code=HIDA, token=tokens[0], now=NOW
        )
        assert (member.person_id, member.role) == (first.id, "reception")
        for who, token, at in ((second, tokens[0], NOW), (second, tokens[1], late)):
            with pytest.raises(Gone):
                organisations.accept_invitation(db, actor=who, lg_code=HIDA, token=token, now=at)
    with (
        database.transaction(for_body(KESENNUMA, actor=second.label)) as db,
        pytest.raises(Gone),
    ):
        organisations.accept_invitation(
            db, actor=second, lg_code=KESENNUMA, token=tokens[1], now=NOW
        )


@pytest.mark.parametrize(
    "token", ["", "x", "212172", "212172.", "21217２.abc", ".abc", "2121720.a"]
)
def test_what_is_no_invitation_names_no_area(token: str) -> None:
    with pytest.raises(Gone):
        organisations.invitation_area(token)
