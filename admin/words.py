"""Japanese words for codes that staff see; their English stands in the catalogue."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from activities.categories import LABELS
from admin.desk_words import AUDIT, EVENTS
from core.texts import N_, Translate

_FAMILIES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "category": LABELS,
        "event": EVENTS,
        "audit": AUDIT,
        "activity_state": {
            "draft": N_("下書き"),
            "submitted": N_("審査待ち"),
            "designated": N_("指定"),
            "returned": N_("差し戻し"),
            "rejected": N_("指定しない"),
            "withdrawn": N_("取り下げ・取り消し"),
        },
        "session_state": {
            "open": N_("開催予定"),
            "cancelled": N_("中止"),
            "closed": N_("終了"),
        },
        "sign_up_state": {
            "taken": N_("申込済み"),
            "waiting": N_("空き待ち"),
            "offered": N_("繰上げの案内中"),
            "declined": N_("辞退"),
            "cancelled": N_("取りやめ"),
        },
        "application_state": {
            "open": N_("申請中"),
            "waiting": N_("保護者の同意待ち"),
            "veto": N_("異議の受付中"),
            "review": N_("審査待ち"),
            "granted": N_("承認"),
            "refused": N_("承認しない"),
            "withdrawn": N_("取り下げ"),
            "expired": N_("期限切れ"),
            "reversed": N_("承認の取り消し"),
        },
        "registration_status": {
            "active": N_("登録中"),
            "pending": N_("手続き中"),
            "released_dormant": N_("休眠による解除"),
            "withdrawn": N_("退会"),
            "ended": N_("終了"),
            "closed": N_("閉鎖"),
        },
        "closing_reason": {
            "deceased": N_("亡くなられた"),
            "long_illness": N_("長い療養"),
        },
        "told_by": {
            "family": N_("ご家族から聞いた"),
            "office": N_("役所のほかの課から聞いた"),
            "document": N_("書類で確かめた"),
        },
        "seen": {
            "death_certificate": N_("死亡診断書・死亡届の写し"),
            "family_register": N_("戸籍・住民票（除票）"),
            "medical_note": N_("診断書・介護保険証など"),
        },
        "term_state": {
            "booked": N_("次の期間"),
            "active": N_("有効"),
            "grace": N_("猶予中"),
            "ended": N_("終了"),
            "annulled": N_("取り消し"),
        },
        "renewal_state": {
            "none": N_("まだ判定の時期ではありません"),
            "veto": N_("異議の受付中"),
            "review": N_("審査待ち"),
            "booked": N_("更新が決まりました"),
            "refused": N_("更新しない"),
            "done": N_("更新しました"),
        },
        "outcome": {
            "allowed": N_("要件を満たす"),
            "refused": N_("要件を満たさない"),
            "renewed": N_("更新"),
            "grace": N_("猶予"),
            "lapsed_to_basic": N_("ベーシック登録に戻る"),
            "to_staff": N_("職員の審査待ち"),
            "not_due": N_("まだ満たさない"),
        },
        "judgement_kind": {
            "premium": N_("プレミアム登録の判定"),
            "renewal": N_("更新の判定"),
            "standing": N_("継続の判定"),
        },
        "method": {
            "venue": N_("会場のコード"),
            "poster": N_("ポスター"),
            "card": N_("登録証"),
            "phone": N_("携帯電話の登録証"),
            "roster": N_("名簿"),
            "typed": N_("番号の入力"),
        },
        "mode": {
            "inherit": N_("全体の設定と同じ"),
            "auto": N_("自動（すぐに決まる）"),
            "veto": N_("自動（職員が異議を出せる時間をおく）"),
            "review": N_("職員が決める"),
        },
        "checklist": {
            "public_nature": N_("公共性がある"),
            "local_contribution": N_("地域への貢献がある"),
            "shortage_of_hands": N_("担い手が足りない"),
            "substance_and_time": N_("活動の中身と時間が十分にある"),
        },
        "host_kind": {
            "neighbourhood_association": N_("自治会・町内会"),
            "rmo": N_("地域運営組織（RMO）"),
            "npo": N_("NPO・市民団体"),
            "fire_corps": N_("消防団"),
            "pta": N_("PTA"),
            "commerce_association": N_("商工会・商店街"),
            "rural_body": N_("農山漁村の団体"),
            "dmo": N_("観光地域づくり法人（DMO）"),
            "town_company": N_("まちづくり会社"),
            "two_region_support_corporation": N_("二地域居住の支援法人"),
            "intermediary": N_("中間支援組織"),
            "municipality": N_("自治体"),
            "other": N_("その他"),
        },
        "host_role": {"organiser": N_("主催"), "reception": N_("受付")},
        "insurance": {
            "organiser": N_("主催者が加入"),
            "participant": N_("参加者が加入"),
            "none": N_("なし"),
        },
        "attendance": {
            "in_only": N_("受付だけ"),
            "in_and_out": N_("受付と終わりの確認"),
            "automatic": N_("申込だけで参加とみなす"),
        },
        "foreseen": {
            "application_granted": N_("プレミアム登録になる"),
            "application_refused": N_("申請が承認されない"),
            "application_expired": N_("申請の期限が過ぎる"),
            "application_place_freed": N_("申請のための枠が空く"),
            "renewal_booked": N_("更新が決まる"),
            "renewal_veto": N_("更新の異議の受付に入る"),
            "renewal_review": N_("更新が職員の審査に入る"),
            "renewal_missing": N_("足りないことを知らせる"),
            "renewal_grace": N_("更新の猶予に入る"),
            "renewal_judged_anew": N_("更新をもう一度確かめる"),
            "premium_ended": N_("ベーシック登録に戻る"),
            "term_began": N_("次の1年が始まる"),
            "dormancy_asked": N_("休眠の前のお知らせを送る"),
            "released_dormant": N_("休眠により解除される"),
            "renewed": N_("更新"),
            "grace": N_("足りず、猶予に入る"),
            "lapsed_to_basic": N_("ベーシック登録に戻る"),
            "to_staff": N_("職員の審査待ち"),
            "not_due": N_("まだ判定の時期ではありません"),
            "granted": N_("承認"),
            "veto": N_("異議の受付中"),
            "review": N_("審査待ち"),
            "refused": N_("承認しない"),
        },
        "waiting": {
            "proposal": N_("活動の提案"),
            "application": N_("プレミアム登録の申請"),
            "renewal": N_("更新の審査"),
            "stay": N_("滞在日の報告"),
            "scan": N_("確かめる受付"),
            "sample": N_("事後の点検"),
            "device": N_("送られていない受付"),
        },
        "body_state": {
            "none": N_("未参加"),
            "preparing": N_("準備中"),
            "trial": N_("試行"),
            "active": N_("参加"),
            "suspended": N_("停止"),
            "left": N_("離脱"),
        },
        "purpose": {
            "counter": N_("窓口での対応"),
            "inquiry": N_("本人からの問い合わせ"),
            "approval": N_("申請の審査"),
            "reception": N_("活動の受付"),
            "correction": N_("記録の訂正"),
        },
        "audit_purpose": {
            "counter": N_("窓口での対応"),
            "inquiry": N_("本人からの問い合わせ"),
            "approval": N_("申請の審査"),
            "reception": N_("活動の受付"),
            "correction": N_("記録の訂正"),
            "premium": N_("申請の審査"),
            "renewal": N_("更新の審査"),
            "list": N_("一覧"),
            "search": N_("検索"),
            "staff decision": N_("職員の決定"),
            "disaster": N_("災害"),
            "illness": N_("病気"),
            "lapsed": N_("更新されなかった"),
            "moved_in": N_("転入"),
            "left": N_("退会"),
            "consent_withdrawn": N_("保護者の同意の取りやめ"),
            "exchanged": N_("ほかの自治体との入れ替え"),
            "reversed": N_("決定の取り消し"),
            "taken_back": N_("押し間違い"),
            "report": N_("集計・報告"),
            "mailing": N_("案内の送付"),
            "check": N_("点検・監査"),
        },
        "export_purpose": {
            "report": N_("集計・報告"),
            "mailing": N_("案内の送付"),
            "check": N_("点検・監査"),
            "inquiry": N_("本人からの問い合わせ"),
        },
        "place_kind": {
            "lodging": N_("宿"),
            "coworking": N_("コワーキング"),
            "library": N_("図書館"),
            "roadside_station": N_("道の駅"),
            "town_office": N_("役場・支所"),
        },
        "identity": {
            "none": N_("なし"),
            "email": N_("メールアドレス"),
            "mnc_user": N_("マイナンバーカード（利用者証明）"),
            "mnc_sign": N_("マイナンバーカード（署名）"),
        },
        "value": {
            "purchase": N_("買い物"),
            "donation": N_("寄付"),
            "visit": N_("訪問だけ"),
            "rolling365": N_("申請の日までの365日"),
            "fiscal_year": N_("年度"),
            "registration_year": N_("登録の日からの1年"),
            "named_date": N_("決めた日から"),
            "verified_else_declared": N_("確認した住所、なければ申告の住所"),
            "registration": N_("登録ごと"),
            "account": N_("アカウントごと"),
            "any": N_("どちらの区分でも"),
            "P1Y": N_("1年"),
            "none": N_("なし"),
            "pre_moderated": N_("投稿を先に確かめる"),
            "members_only": N_("登録者だけが読める"),
        },
        "unit": {
            "bodies": N_("{value}団体"),
            "counts": N_("{value}回"),
            "days": N_("{value}日"),
            "days before release": N_("解除の{value}日前"),
            "days before the last day": N_("期限の{value}日前"),
            "hours": N_("{value}時間"),
            "hours of the day": N_("{value}時"),
            "messages": N_("{value}通"),
            "minutes": N_("{value}分"),
            "months": N_("{value}か月"),
            "people": N_("{value}人"),
            "registrations": N_("{value}件"),
            "reminders": N_("{value}回"),
            "seconds": N_("{value}秒"),
        },
        "tier": {"basic": N_("ベーシック登録"), "premium": N_("プレミアム登録")},
    }
)


def word(say: Translate, family: str, code: object) -> str:
    """The words for a code in one language; the code itself where it has none."""
    found = _FAMILIES[family].get(str(code))
    return str(code) if found is None else say(found)


def options(say: Translate, family: str) -> list[tuple[str, str]]:
    """Every code of a family with its words, for a field to choose from."""
    return [(code, say(words)) for code, words in _FAMILIES[family].items()]


def known(family: str, code: str) -> bool:
    """Whether a family has a code."""
    return code in _FAMILIES[family]
