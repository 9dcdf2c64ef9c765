"""An export as people read it: a Japanese PDF of what matters, with the same facts as the JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

from core import formats, pdf
from core.browsers import browser_of
from core.texts import Texts
from mobile.pages.looks import ACTORS, ACTS, OTHER_ACT
from mobile.pages.me import LEVELS

_LANGUAGE: Final = "ja"
_NONE: Final = "なし"
_TIERS: Final = {"basic": "ベーシック登録", "premium": "プレミアム登録"}
_REGISTRATIONS: Final = {
    "active": "登録中",
    "pending": "手続き中",
    "released_dormant": "お休み",
    "withdrawn": "終了",
    "ended": "終了",
    "closed": "終了",
}
_TERMS: Final = {
    "booked": "これから",
    "active": "有効",
    "grace": "猶予期間",
    "ended": "終了",
    "annulled": "取り消し",
}
_APPLICATIONS: Final = {
    "granted": "認められました",
    "refused": "見送られました",
    "withdrawn": "取り下げ",
}
_SIGN_UPS: Final = {
    "taken": "申込み済み",
    "waiting": "キャンセル待ち",
    "offered": "空きのご案内中",
    "declined": "辞退",
    "cancelled": "取り消し",
}
_STAYS: Final = {"approved": "認められました", "reported": "確認待ち"}

_TEMPLATE: Final = """
#let told = json(bytes(sys.inputs.told))
#set document(title: told.title)
#set page(paper: "a4", margin: 18mm, numbering: "1 / 1")
#set text(lang: "ja", font: "Noto Sans JP", size: 9.5pt)
#set par(leading: 0.75em)
#set table(stroke: (x, y) => (bottom: 0.5pt + luma(200)), inset: (x: 2mm, y: 1.8mm))
#show heading.where(level: 1): set text(size: 18pt, weight: "regular")
#show heading.where(level: 2): set text(size: 13pt, weight: "regular")
#show heading.where(level: 1): set block(below: 6mm)
#show heading.where(level: 2): set block(above: 9mm, below: 4mm)
#show table.header: set text(fill: luma(80))
#heading(level: 1, told.title)
#for line in told.lines { par(line) }
#for part in told.parts {
  heading(level: 2, part.title)
  if part.rows.len() == 0 { par(told.none) } else {
    table(
      columns: part.widths.map(width => width * 1fr),
      table.header(..part.heads),
      ..part.rows.flatten(),
    )
  }
}
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of the document: heads, the widths of columns, rows of plain text."""

    title: str
    heads: tuple[str, ...]
    widths: tuple[int, ...]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Names:
    """What stands behind codes and ids: local governments, activities."""

    bodies: Mapping[str, str]
    activities: Mapping[str, str]
    sessions: Mapping[str, str]


Row = Mapping[str, Any]
Held = Mapping[str, Sequence[Row]]


def sheet_pdf(held: Held, names: Names, texts: Texts, *, now: datetime) -> bytes:
    """The readable half of an export."""
    told = {
        "title": "わたしのデータ",
        "lines": [
            f"{_moment(now.isoformat())} に作りました。",
            "ふるさと住民登録がお預かりしている、あなたの情報です。",
            "すべての項目は、いっしょに受け取れるJSONファイルにあります。",
            "ほかの人に見られないように、大切に保管してください。",
        ],
        "none": _NONE,
        "parts": [asdict(part) for part in _parts(held, names, texts)],
    }
    return pdf.typeset(_TEMPLATE, told, now=now)


def _parts(held: Held, names: Names, texts: Texts) -> list[Sheet]:
    return [
        Sheet("あなたのこと", ("項目", "内容"), (1, 2), _person(held, names)),
        *_towns(held, names),
        *_activities(held, names),
        *_traces(held, names, texts),
    ]


def _person(held: Held, names: Names) -> list[list[str]]:
    account = held["account"][0]
    person = held["person"][0] if held["person"] else {}
    born = person.get("birth_date")
    lines: dict[str, object] = {
        "お呼びする名前": person.get("nickname"),
        "お名前": person.get("name"),
        "ふりがな": person.get("kana"),
        "生まれた日・年": _day(born) if born else person.get("birth_year"),
        "カードの住所": person.get("address"),
        "お住まいの自治体": names.bodies.get(
            str(person.get("verified_residence") or person.get("declared_residence"))
        ),
        "本人確認": LEVELS.get(str(person.get("identity_level")), ""),
        "メールアドレス": account.get("email"),
        "はじめてサインインした日": _day(account.get("created_at")),
        "パスキー": "、".join(str(one["name"]) for one in held["passkey"]),
    }
    return [[name, _text(value)] for name, value in lines.items()]


def _towns(held: Held, names: Names) -> list[Sheet]:
    return [
        _sheet(
            "ふるさと住民登録",
            (("自治体", 3), ("区分", 3), ("状態", 2), ("登録した日", 4), ("登録番号", 4)),
            held["registration"],
            lambda row: (
                _body(names, row),
                _TIERS.get(row["tier"], row["tier"]),
                _REGISTRATIONS.get(row["status"], row["status"]),
                _day(row["registered_on"]),
                row["member_number"],
            ),
        ),
        _sheet(
            "プレミアム登録の期間",
            (("自治体", 3), ("はじめの日", 3), ("おわりの日", 3), ("状態", 2)),
            held["term"],
            lambda row: (
                _body(names, row),
                _day(row["first_day"]),
                _day(row["last_day"]),
                _TERMS.get(row["state"], row["state"]),
            ),
        ),
        _sheet(
            "プレミアム登録の申請",
            (("自治体", 3), ("申請した日", 3), ("結果", 3)),
            held["application"],
            lambda row: (
                _body(names, row),
                _day(row["applied_on"]),
                _APPLICATIONS.get(row["state"], "手続き中"),
            ),
        ),
        _sheet(
            "アンケート",
            (("自治体", 3), ("答えた日", 3)),
            held["survey_answer"],
            lambda row: (_body(names, row), _day(row["answered_at"])),
        ),
    ]


def _activities(held: Held, names: Names) -> list[Sheet]:
    return [
        _sheet(
            "参加のきろく",
            (("日", 3), ("自治体", 3), ("活動", 4), ("時間", 1), ("回数", 2)),
            held["participation"],
            lambda row: (
                _day(row["day"]),
                _body(names, row),
                names.activities.get(row["activity_id"], ""),
                f"{row['minutes']}分",
                "取り消し" if row["annulled_at"] else ("1回" if row["counted"] else "数えません"),
            ),
        ),
        _sheet(
            "滞在日",
            (("日", 3), ("自治体", 3), ("状態", 3)),
            held["stay_day"],
            lambda row: (
                _day(row["day"]),
                _body(names, row),
                _STAYS.get(row["state"], row["state"]),
            ),
        ),
        _sheet(
            "活動の申込み",
            (("申し込んだ日", 3), ("自治体", 3), ("活動", 4), ("状態", 2)),
            held["sign_up"],
            lambda row: (
                _day(row["signed_up_at"]),
                _body(names, row),
                names.sessions.get(row["session_id"], ""),
                _SIGN_UPS.get(row["state"], row["state"]),
            ),
        ),
    ]


def _traces(held: Held, names: Names, texts: Texts) -> list[Sheet]:
    return [
        _sheet(
            "お知らせ",
            (("日時", 2), ("題", 4)),
            sorted(held["notice"], key=lambda row: row["created_at"]),
            lambda row: (
                _moment(row["created_at"]),
                texts.notice_text(_LANGUAGE, row["kind"], row["facts"])[0],
            ),
        ),
        _sheet(
            "だれが見たか・何をしたか",
            (("日時", 5), ("だれが", 4), ("自治体", 4), ("何を", 6)),
            sorted(held["audit_event"], key=lambda row: row["at"]),
            lambda row: (
                _moment(row["at"]),
                _who(row),
                _body(names, row),
                ACTS.get(row["action"], OTHER_ACT),
            ),
        ),
        _sheet(
            "サインイン",
            (("日時", 3), ("端末", 3), ("方法", 3)),
            sorted(held["web_session"], key=lambda row: row["created_at"]),
            lambda row: (
                _moment(row["created_at"]),
                browser_of(row["user_agent"]) or "名前のわからない端末",
                "パスキー" if row["method"] == "passkey" else "メールの番号",
            ),
        ),
    ]


def _sheet(
    title: str,
    columns: Sequence[tuple[str, int]],
    rows: Sequence[Row],
    line: Callable[[Row], Sequence[object]],
) -> Sheet:
    return Sheet(
        title,
        tuple(name for name, _ in columns),
        tuple(width for _, width in columns),
        [[_text(value) for value in line(row)] for row in rows],
    )


def _who(row: Row) -> str:
    kind, _, own = str(row["actor"]).partition(":")
    # Somebody else's id is withheld; what still carries one is the person's own.
    return ACTORS["self"] if kind == "person" and own else ACTORS.get(kind, kind)


def _body(names: Names, row: Row) -> str:
    return names.bodies.get(str(row["lg_code"]), "—")


def _text(value: object) -> str:
    return _NONE if value is None or value == "" else str(value)


def _day(value: object) -> str:
    if not value:
        return ""
    text = str(value)
    moment = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    return formats.day(moment, _LANGUAGE)


def _moment(value: object) -> str:
    return formats.moment(datetime.fromisoformat(str(value)), _LANGUAGE)
