"""What every page of the desk shares: who stands there, for which local government, and how it answers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.refusals import policy_now
from admin import return_reasons, waiting, words
from admin.forms import Form
from core.access import Actor, Role
from core.clock import japan_day
from core.db import Context
from core.errors import Conflict, DomainError, Gone, Invalid, Refused
from core.ids import new_id
from core.texts import N_, Translate
from core.web import Answer, Platform, answer_once, platform_of
from registry import approvals, judging, members, renewal_staff
from registry.doors import LgCode, as_body, staff_with
from registry.fresh_doors import prove_on_duty
from registry.models import LocalGovernment, StaffRole
from registry.own_case import refuse_own_case
from registry.rules.policy import PolicyBook

#: What was just done, told at the top of the page one comes back to.
Done = Annotated[str, Query(max_length=40)]

#: The key of the row that was decided just now, offered to be taken back.
Undo = Annotated[str, Query(max_length=64)]

ROLE_NAMES: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.VIEWER: N_("閲覧者"),
        Role.CLERK: N_("担当者"),
        Role.APPROVER: N_("承認者"),
        Role.MANAGER: N_("管理者"),
    }
)
DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "designated": N_("指定しました。"),
        "returned": N_("理由をそえて、差し戻しました。"),
        "rejected": N_("指定しないことにしました。"),
        "withdrawn": N_("指定を取り消しました。これまでの参加実績は残ります。"),
        "audited": N_("点検の結果を記録しました。"),
        "approved": N_("承認しました。"),
        "refused": N_("承認しないことにしました。本人に理由を知らせます。"),
        "objected": N_("異議を記録しました。職員の審査に移します。"),
        "reversed": N_("決定を取り消しました。本人に理由を知らせます。"),
        "taken_back": N_("元に戻しました。もう一度、決めることに並んでいます。"),
        "many_approved": N_("選んだものを、すべて承認しました。"),
        "many_partly": N_(
            "承認できるものを承認しました。残りは、理由を見て1件ずつ決めてください。"
        ),
        "stay_approved": N_("滞在日を認めました。"),
        "proposed": N_("活動の案を作り、提出しました。"),
        "session_added": N_("開催回を加えました。"),
        "session_cancelled": N_("開催を中止しました。申し込んだ人に知らせます。"),
        "checked_in": N_("受付しました。"),
        "already_here": N_("すでに受付済みです。2回は数えません。"),
        "one_more": N_("1人目の確認を記録しました。もう1人の確認で受付になります。"),
        "left": N_("帰った時刻を記録しました。"),
        "annulled": N_("受付を取り消しました。記録は残ります。"),
        "corrected": N_("参加実績を訂正しました。前の内容も残ります。"),
        "card_made": N_("登録証を作りました。前の登録証は、もう使えません。"),
        "extended": N_("有効期間を延ばしました。本人に知らせます。"),
        "closed": N_("登録を閉じました。お知らせは、もう送られません。"),
        "file_taken": N_(
            "ファイルの受付を入れました。同じファイルをもう一度入れても、増えません。"
        ),
        "guardian_asked": N_("保護者の方に案内を送りました。"),
        "reopened": N_("登録を元に戻しました。本人に知らせます。"),
        "organisation_added": N_("関係団体を加えました。"),
        "member_removed": N_("この人は、この団体の受付や提案ができなくなりました。"),
        "trusted": N_("この団体の活動を、原則として指定します。"),
        "trust_withdrawn": N_("今日から、活動ごとの指定に戻します。"),
        "news_published": N_("便りを、まちの画面に載せました。"),
        "news_withdrawn": N_("便りを取り下げました。"),
        "draft_dropped": N_("要件の案を消しました。いまの要件は変わりません。"),
        "asked": N_("頼みました。ほかの職員が確かめると、行われます。"),
        "confirmed": N_("確かめて、行いました。"),
        "wish_declined": N_("行わないことにしました。"),
        "wish_cancelled": N_("頼むのをやめました。"),
        "setting_set": N_("設定を変えました。"),
        "staff_added": N_("職員を加えました。"),
        "staff_ended": N_("この役割を終えました。"),
        "place_opened": N_("滞在を確かめる場所を加えました。"),
        "key_renamed": N_("パスキーの名前を変えました。"),
        "key_removed": N_("パスキーを消しました。"),
        "sign_in_ended": N_("その端末をサインアウトさせました。"),
        "import_confirmed": N_("案内のメールを順に送ります。同意した人だけが登録されます。"),
        "import_discarded": N_("名簿を消しました。だれにも送っていません。"),
        "said_same": N_("同じ人と記録しました。両方の登録に知らせます。"),
        "said_different": N_("別の人と記録しました。もう聞きません。"),
        "question_answered": N_("返事を送りました。本人に知らせます。"),
        "export_released": N_("確かめました。頼んだ人に、できあがりを知らせます。"),
        "export_asked": N_("頼みました。できあがるまで、この画面を離れてもかまいません。"),
        "host_asked": N_("主催の人に、準備をお願いしました。"),
        "contact_set": N_("問い合わせ先を直しました。"),
        "key_made": N_("会場のコードを出せるようになりました。"),
        "year_copied": N_("選んだ活動を、次の年度の提案にして提出しました。"),
        "year_partly": N_(
            "作れるものを提案にして提出しました。作れなかった日は、活動の画面で加えてください。"
        ),
        "calendar_made": N_(
            "開催回を作りました。新しい活動は、提案として提出しました。"
            "まだ指定されていない活動は、別の承認者が決めます。"
        ),
        "calendar_none": N_("作れた開催回はありません。行ごとの理由を見てください。"),
        "calendar_discarded": N_("行事予定を消しました。何も作っていません。"),
        "calendar_rest_discarded": N_("残りの行を消しました。作った開催回は、そのままです。"),
        "provider_set": N_("団体のアカウントでのサインインを決めました。"),
        "provider_ended": N_("団体のアカウントでのサインインをやめました。"),
        "body_planned": N_("予定に入れました。その日の0時に変わります。"),
        "body_cancelled": N_("予定を取りやめました。"),
        "body_state": N_("団体の状態を変えました。"),
        "incident_told": N_("すべての画面でお知らせしています。"),
        "incident_over": N_("お知らせを終えました。"),
    }
)
_STATUS: Final = ((Invalid, 422), (Gone, 410), (Refused, 409), (Conflict, 409))
#: Refusals that are told on the page one came from; all others have a page of their own.
TOLD_IN_PLACE: Final = tuple(kind for kind, _ in _STATUS)

Problems = Sequence[Mapping[str, str]]
#: Shows the page again, with what stands in the way.
Again = Callable[[Problems, int], Response]


@dataclass(frozen=True, slots=True)
class Desk:
    """A member of staff at the desk of one local government, for one request."""

    request: Request
    actor: Actor
    lg_code: str

    @property
    def platform(self) -> Platform:
        """The parts of this process."""
        return platform_of(self.request)

    @property
    def now(self) -> datetime:
        """The instant."""
        return self.platform.clock.now()

    @property
    def today(self) -> date:
        """The Japanese day."""
        return japan_day(self.now)

    @property
    def book(self) -> PolicyBook:
        """The national numbers."""
        found: PolicyBook = self.request.app.state.policy_book
        return found

    @property
    def context(self) -> Context:
        """The transaction context of this local government."""
        return as_body(self.actor, self.lg_code)

    @property
    def home(self) -> str:
        """The address of this desk; all its pages are below it."""
        return f"/staff/{self.lg_code}"

    @property
    def language(self) -> str:
        """The short name of this request's language."""
        return self.platform.desk.language(self.request)

    @property
    def english(self) -> bool:
        """Whether this request is read in English."""
        return self.language == "en"

    @property
    def say(self) -> Translate:
        """The words of this request's language."""
        return self.platform.texts.translator(self.language)

    @property
    def filters(self) -> Mapping[str, Callable[..., str]]:
        """Days, spans and numbers as this request's language writes them."""
        return self.platform.desk.environment(self.language).filters

    def may(self, role: Role) -> bool:
        """Whether this member of staff has at least this role here."""
        return self.actor.has_role(self.lg_code, role)

    def prove_fresh(self) -> None:
        """Refuse what needs a proof of who one is, unless it was given a short while ago (d-11)."""
        prove_on_duty(self.platform, self.actor, now=self.now)

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction of this local government, committed when the block ends."""
        return self.platform.database.transaction(self.context)

    def render(
        self,
        db: Session,
        template: str,
        *,
        here: str,
        status: int = 200,
        errors: Problems = (),
        done: str = "",
        **context: Any,
    ) -> Response:
        """A page of the desk with its head, its menu and the counts of what waits."""
        government = db.get_one(LocalGovernment, self.lg_code)
        prefecture = government.kind == "prefecture"
        name = government.name if prefecture else f"{government.prefecture}{government.name}"
        pages, say = self.platform.desk, self.say
        role = max(self.actor.roles[self.lg_code], key=lambda one: one.rank)
        return pages.render(
            self.request,
            template,
            status,
            errors=list(errors),
            desk=self,
            government=government,
            prefecture=prefecture,
            body_name=name,
            staff_name=_own_name(db, self),
            role_name=say(ROLE_NAMES[role]),
            menu=_menu(self, say),
            menu_counts={"approvals": waiting.to_decide(db, self.lg_code)},
            sign_out_href="/staff/signout",
            here=here,
            home=self.home,
            new_key=new_id,
            done=say(DONE[done]) if done in DONE else "",
            now=self.now,
            today=self.today,
            word=lambda family, code: words.word(say, family, code),
            options=lambda family: words.options(say, family),
            reason_choices=lambda: return_reasons.choices(
                say,
                policy_now(db, self.book, self.lg_code, self.now).texts("designation.checklist"),
            ),
            is_clerk=self.may(Role.CLERK),
            is_approver=self.may(Role.APPROVER),
            is_manager=self.may(Role.MANAGER),
            **context,
        )

    def act(
        self,
        form: Form,
        work: Callable[[Session], str],
        again: Again,
        context: Context | None = None,
    ) -> Response:
        """Do a form's work once and go to the address it answers; refusals show the page again.

        The work is done in the local government's context unless another one is given.
        """
        try:
            return answer_once(
                self.request,
                context or self.context,
                actor=self.actor,
                work=lambda db: Answer.to(work(db)),
                key=form.key,
            )
        except TOLD_IN_PLACE as error:
            return again(self.problems(error), status_of(error))

    def problems(self, error: DomainError) -> list[dict[str, str]]:
        """The reasons of a refusal as sentences, each with its field where it has one."""
        return problems_of(self.request, error)


def problems_of(request: Request, error: DomainError) -> list[dict[str, str]]:
    """The reasons of a refusal as sentences in the language of a request."""
    platform = platform_of(request)
    lang = platform.desk.language(request)
    told = [one.to_json() for one in error.problems] or [{"code": error.code}]
    found = []
    for reason in told:
        sentence = platform.texts.reason_sentence(lang, reason)
        advice = platform.texts.action_sentence(lang, reason)
        text = " ".join(part for part in (sentence, advice) if part)
        found.append({"field": str(reason.get("field") or ""), "text": text})
    return found


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal that is told in place."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 409)


def _own_name(db: Session, desk: Desk) -> str:
    name = db.scalars(
        select(StaffRole.name)
        .where(
            StaffRole.lg_code == desk.lg_code,
            StaffRole.account_id == desk.actor.id,
            StaffRole.ended_at.is_(None),
        )
        .limit(1)
    ).first()
    return name or ""


def _menu(desk: Desk, say: Translate) -> list[tuple[str, str, str, str]]:
    home = desk.home
    entries = [
        ("today", home, "today", say("今日")),
        ("approvals", f"{home}/approvals", "approve", say("承認")),
        ("activities", f"{home}/activities", "activity", say("活動")),
        ("organisations", f"{home}/organisations", "person", say("関係団体")),
        ("members", f"{home}/members", "people", say("登録者")),
        ("news", f"{home}/news", "mail", say("便り")),
        ("figures", f"{home}/figures", "chart", say("数字")),
        ("settings", f"{home}/settings", "settings", say("設定")),
    ]
    if desk.may(Role.MANAGER):
        entries.append(("audit", f"{home}/audit", "log", say("記録")))
    return entries


def _desk_for(role: Role) -> Callable[..., Desk]:
    def at_desk(
        request: Request, actor: Annotated[Actor, Depends(staff_with(role))], lg_code: LgCode
    ) -> Desk:
        return Desk(request, actor, lg_code)

    return at_desk


ViewerDesk = Annotated[Desk, Depends(_desk_for(Role.VIEWER))]
ClerkDesk = Annotated[Desk, Depends(_desk_for(Role.CLERK))]
ApproverDesk = Annotated[Desk, Depends(_desk_for(Role.APPROVER))]
ManagerDesk = Annotated[Desk, Depends(_desk_for(Role.MANAGER))]


def not_oneself(desk: Desk, person_of: Callable[[Session], UUID]) -> Desk:
    """C47: the desk, for somebody who decides about another person.

    Raises:
        Forbidden: `own_application`.
    """
    refuse_own_case(desk.platform, desk.actor, desk.lg_code, person_of)
    return desk


def _of_application(desk: ApproverDesk, application_id: UUID) -> Desk:
    code = desk.lg_code
    return not_oneself(
        desk, lambda db: approvals.applicant_of(db, lg_code=code, application_id=application_id)
    )


def _of_term(desk: ApproverDesk, term_id: UUID) -> Desk:
    code = desk.lg_code
    return not_oneself(desk, lambda db: renewal_staff.person_of(db, lg_code=code, term_id=term_id))


def _of_judgement(desk: ApproverDesk, judgement_id: UUID) -> Desk:
    return not_oneself(desk, lambda db: judging.judgement(db, judgement_id).person_id)


def _of_registration(desk: ApproverDesk, registration_id: UUID) -> Desk:
    code = desk.lg_code
    return not_oneself(
        desk,
        lambda db: members.member(db, lg_code=code, registration_id=registration_id).person_id,
    )


def _of_own_record(desk: ClerkDesk, registration_id: UUID) -> Desk:
    code = desk.lg_code
    return not_oneself(
        desk,
        lambda db: members.member(db, lg_code=code, registration_id=registration_id).person_id,
    )


def _of_stay(desk: ClerkDesk, person_id: UUID) -> Desk:
    return not_oneself(desk, lambda _: person_id)


#: An approver who is not the person that the path's application, term or judgement is about.
DeciderDesk = Annotated[Desk, Depends(_of_application)]
RenewalDesk = Annotated[Desk, Depends(_of_term)]
ReverserDesk = Annotated[Desk, Depends(_of_judgement)]
ExtenderDesk = Annotated[Desk, Depends(_of_registration)]
#: A clerk who is not the person whose record, or reported stay, the path is about.
RecordDesk = Annotated[Desk, Depends(_of_own_record)]
StayDesk = Annotated[Desk, Depends(_of_stay)]
