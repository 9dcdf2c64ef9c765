"""だれが見たか: who did or looked at what of one's own, when (R25)."""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from activities import paging
from activities.trail import events_about
from core.access import Actor
from core.clock import japan_day
from core.models import AuditEvent
from core.texts import N_
from core.web import PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.shell import Registrant, show
from registry import guardians, queries
from registry.doors import BookDep, as_person
from registry.overview import held_by

router = APIRouter(include_in_schema=False)

_PAGE: Final = 30
#: What others did with one's data, in words; an unknown act is shown by its name.
ACTS: Final = {
    "roster.read": N_("活動の名簿を見ました"),
    "roster.search": N_("活動の名簿で探しました"),
    "roster.carry": N_("活動の受付に使う電話に、名前を入れました"),
    "roster.insurance": N_("活動の保険のための名簿を作りました"),
    "registration.open": N_("登録の内容を見ました"),
    "registration.list": N_("登録者の一覧を見ました"),
    "judgement.read": N_("判定を見ました"),
    "check_in.scan": N_("受付をしました"),
    "check_in.leave": N_("帰った時刻を記録しました"),
    "check_in.review": N_("帰りの受付がない人を見ました"),
    "participation.correct": N_("参加のきろくを直しました"),
    "stay_day.add": N_("滞在日を記録しました"),
    "stay_day.approve": N_("滞在日を認めました"),
    "premium.end": N_("プレミアム登録が終わりました"),
    "card.issue": N_("登録証を作りました"),
    "card.phone_certify": N_("携帯電話で登録証を使えるようにしました"),
    "card.phone_revoke": N_("携帯電話の登録証を止めました"),
    "certificate.issue": N_("証明書を作りました"),
    "certificate.revoke": N_("証明書を止めました"),
    "person.create": N_("登録者になりました"),
    "person.close": N_("アカウントを閉じました"),
    "person.close_one": N_("まちの登録を閉じました"),
    "person.reopen": N_("閉じたアカウントをもとに戻しました"),
    "registration.closed": N_("まちの登録を閉じました"),
    "person.update": N_("登録内容を変えました"),
    "person.residence": N_("お住まいを変えました"),
    "identity.start": N_("本人確認を始めました"),
    "export.ask": N_("データの受け取りを申し込みました"),
    "export.make": N_("受け取るデータを作りました"),
    "export.take_json": N_("データを受け取りました"),
    "export.take_pdf": N_("データを受け取りました"),
    "passkey.add": N_("パスキーを作りました"),
    "passkey.rename": N_("パスキーの名前を変えました"),
    "passkey.remove": N_("パスキーを消しました"),
    "passkey.block": N_("写しのおそれがあるパスキーを止めました"),
    "survey.answer": N_("アンケートに答えました"),
    "registration.registered": N_("まちに登録しました"),
    "registration.derived_started": N_("都道府県にもいっしょに登録しました"),
    "registration.derived_ended": N_("都道府県のいっしょの登録が終わりました"),
    "registration.opted_out": N_("都道府県への登録を外しました"),
    "registration.opted_in": N_("都道府県にも登録することにしました"),
    "registration.became_adult": N_("成人になりました"),
    "registration.released": N_("登録がお休みになりました"),
    "registration.left": N_("まちの登録をやめました"),
    "registration.kept": N_("登録を続けました"),
    "registration.restored": N_("登録をもとに戻しました"),
    "application.waiting": N_("保護者の方の同意を待っています"),
    "application.withdrawn": N_("プレミアム登録の申請を取り下げました"),
    "application.expired": N_("プレミアム登録の申請の期限が過ぎました"),
    "term.renewal_asked": N_("プレミアム登録の更新を申し込みました"),
    "term.extend": N_("プレミアム登録の期間を延ばしました"),
    "guardianship.invite": N_("保護者の方にお願いしました"),
    "guardianship.confirm": N_("保護者の方が確かめました"),
    "guardianship.verify": N_("保護者の方がカードで確かめました"),
    "guardianship.end": N_("保護者の方の同意が終わりました"),
    "guardianship.manage": N_("保護者の方が、お子さまを登録しました"),
    "guardianship.grow_up": N_("自分でサインインできる年齢になりました"),
    "person.sign_in_given": N_("ご本人のサインインを作りました"),
    "person.push_on": N_("お知らせを端末に表示することにしました"),
    "person.push_off": N_("端末へのお知らせの表示をやめました"),
    "person.notification_settings": N_("お知らせの設定を変えました"),
    "registration.over_cap": N_("プレミアム登録の数が上限を超えました"),
    "registration.over_cap_settled": N_("プレミアム登録の数が上限までに戻りました"),
    "term.renewal_judged_anew": N_("更新をもう一度確かめました"),
    "audit.read": N_("きろくを確かめました"),
    "organisation.join": N_("関係団体に加わりました"),
    "organisation.remove_member": N_("関係団体から外れました"),
    "organisation.read_members": N_("関係団体の人の一覧を見ました"),
    "check_in.annul": N_("受付を取り消しました"),
    "family.read": N_("いっしょに来た方のお名前を見ました"),
    "guardianship.withdraw": N_("保護者の方の同意が取り下げられました"),
    "identity.verified": N_("本人確認が終わりました"),
    "identity.lapse": N_("本人確認の期限が過ぎました"),
    "application.applied": N_("プレミアム登録を申請しました"),
    "application.granted": N_("プレミアム登録が認められました"),
    "application.refused": N_("プレミアム登録の申請に答えが出ました"),
    "sign_up.taken": N_("活動に申し込みました"),
    "sign_up.waiting": N_("キャンセル待ちに申し込みました"),
    "sign_up.cancelled": N_("活動の申込みを取り消しました"),
    "roster.print": N_("活動の紙の名簿に、名前を刷りました"),
    "card.print": N_("登録証を印刷しました"),
    "import.agree": N_("まちからの案内に答えて、登録しました"),
    "duplicate.open": N_("登録が2つないかを見ました"),
    "duplicate.same": N_("2つの登録が同じ方のものだと確かめました"),
    "duplicate.different": N_("2つの登録が別の方のものだと確かめました"),
    "question.ask": N_("まちに質問しました"),
    "question.answer": N_("質問に答えました"),
    "question.close": N_("質問を取り下げました"),
    "identity.refused": N_("本人確認ができませんでした"),
    "desk_export.ask": N_("きろくをファイルにするように頼みました"),
    "desk_export.release": N_("きろくをファイルにすることを確かめました"),
    "desk_export.fail": N_("きろくをファイルにできませんでした"),
    "desk_export.make": N_("きろくをファイルにしました"),
    "desk_export.take": N_("きろくのファイルを受け取りました"),
    "desk_export.end": N_("きろくのファイルを消しました"),
    "audit.export": N_("きろくをファイルで受け取りました"),
    "stay_day.taken_back": N_("滞在日を認めたことを、もとに戻しました"),
    "application.review": N_("プレミアム登録の申請を、職員が見ることになりました"),
    "application.veto": N_("プレミアム登録の申請が認められる見込みになりました"),
    "application.objected": N_("プレミアム登録の申請を、もう一度見ることにしました"),
    "application.place_freed": N_("プレミアム登録のために空けていた枠を、もとに戻しました"),
    "application.reversed": N_("プレミアム登録を認めたことを取り消しました"),
    "application.taken_back": N_("プレミアム登録の申請の答えを、もとに戻しました"),
    "term.begin": N_("プレミアム登録の期間が始まりました"),
    "term.renewal_booked": N_("プレミアム登録の更新が決まりました"),
    "term.renewal_rolled": N_("プレミアム登録の次の期間が始まりました"),
    "term.renewal_missing": N_("更新に足りないことをお知らせしました"),
    "term.renewal_grace": N_("プレミアム登録の更新を待つことにしました"),
    "term.renewal_lapsed": N_("更新されず、ベーシック登録に戻りました"),
    "term.renewal_review": N_("プレミアム登録の更新を、職員が見ることになりました"),
    "term.renewal_veto": N_("プレミアム登録が更新される見込みになりました"),
    "term.renewal_refused": N_("プレミアム登録の更新に答えが出ました"),
    "term.renewal_reversed": N_("プレミアム登録の更新の答えを取り消しました"),
    "term.renewal_taken_back": N_("プレミアム登録の更新の答えを、もとに戻しました"),
    "term.renewal_given_back": N_("プレミアム登録をもとに戻しました"),
    "registration.survey_reminder": N_("アンケートをもう一度お願いしました"),
    "registration.tier_changed": N_("登録の区分が変わりました"),
}
#: What is said of an act without words of its own.
OTHER_ACT: Final = N_("手続きをしました")
PURPOSES: Final = {
    "counter": N_("窓口での対応"),
    "inquiry": N_("ご本人からの問い合わせ"),
    "approval": N_("申請の審査"),
    "premium": N_("申請の審査"),
    "renewal": N_("更新の審査"),
    "reception": N_("活動の受付"),
    "insurance": N_("活動の保険"),
    "correction": N_("きろくの訂正"),
    "search": N_("検索"),
    "list": N_("一覧"),
    "on_behalf": N_("ご家族やお手伝いの方による手続き"),
}
ACTORS: Final = {
    "self": N_("ご自身"),
    "person": N_("保護者の方か主催者"),
    "staff": N_("自治体の職員"),
    "device": N_("会場の受付"),
    "operator": N_("運営"),
    "system": N_("システム（自動）"),
}


@router.get("/me/looks")
def looks(
    request: Request,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    after: Annotated[str, Query(max_length=400)] = "",
    town: Annotated[str, Query(pattern=r"^(\d{6})?$")] = "",
) -> Response:
    """R25: who did or looked at what of one's own, when and why."""
    with platform.database.transaction(as_person(actor)) as db:
        found = events_about(
            db,
            actor=actor,
            limit=_PAGE + 1,
            after=paging.after(after or None),
            lg_code=town or None,
        )
        held = held_by(
            db, person_id=actor.person_id, today=japan_day(platform.clock.now()), book=book
        )
        codes = {row.lg_code for row in found if row.lg_code}
        names = {code: town_name(one) for code, one in queries.governments(db, codes).items()}
        kin = {
            f"person:{row.guardian_id}": row.guardian_name
            for row in guardians.guardians_of(db, actor=actor)
            if row.guardian_name
        }
    shown, last = paging.page(found, _PAGE)
    rows = [
        _look(row, actor, names.get(row.lg_code or "", ""), kin.get(row.actor)) for row in shown
    ]
    older = None
    if last is not None:
        at = paging.cursor(last.at, last.id)
        older = "/me/looks?" + urlencode({"town": town, "after": at})
    towns = [(one.row.lg_code, town_name(one.government)) for one in held]
    return show(request, "looks.html", rows=rows, older=older, towns=towns, town=town)


def _look(row: AuditEvent, me: Actor, town: str, kin: str | None) -> dict[str, object]:
    kind = "self" if row.actor == me.label else row.actor.partition(":")[0]
    return {
        "at": row.at,
        "who": ACTORS.get(kind, kind),
        "kin": kin,
        "what": ACTS.get(row.action, OTHER_ACT),
        "why": PURPOSES.get(row.purpose or "", ""),
        "town": town,
    }
