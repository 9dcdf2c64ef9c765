"""名簿 on paper: to tick at a place without network, and to be keyed in by two people (R19, C31)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from activities.models import Activity, ActivitySession
from activities.roster import RosterEntry
from core import formats, pdf
from core.clock import japan_day
from core.shortcode import MEMBER, grouped
from core.texts import Translate

#: Empty lines for people who come without having signed up.
WALK_INS: Final = 8
_SHEET: Final = """
#let told = json(bytes(sys.inputs.told))
#set document(title: told.title)
#set page(
  paper: "a4", margin: (x: 14mm, top: 14mm, bottom: 18mm),
  footer: context [
    #text(size: 9pt)[#told.note #h(1fr) #counter(page).display("1 / 1", both: true)]
  ],
)
#set text(lang: told.lang, font: "Noto Sans JP", size: 11pt)
#let tick = box(width: 6mm, height: 6mm, stroke: 1pt + black)
#let dotted = (bottom: 0.5pt + luma(120))
#text(size: 18pt, heading(level: 1, outlined: false, told.title))
#v(2mm)
#for fact in told.facts [#fact.at(0): #fact.at(1) #linebreak()]
#v(2mm)
#if told.missing != "" [#text(weight: "bold", told.missing) #v(2mm)]
#table(
  columns: (9mm, 14mm, 44mm, 1fr, 36mm), align: (right + horizon, center + horizon, horizon, horizon, horizon),
  inset: (x: 2mm, y: 2.6mm), stroke: 0.5pt + luma(120),
  table.header(..told.heads.map(one => text(weight: "bold", size: 10pt, one))),
  ..told.people.enumerate().map(((at, one)) => (
    str(at + 1), tick, text(size: 12pt, one.number),
    [#text(size: 13pt, one.name) #if one.kana != "" [#linebreak() #text(size: 9pt, one.kana)]],
    text(size: 9pt, one.remark),
  )).flatten(),
)
#v(4mm)
#text(weight: "bold", told.walk_ins)
#table(
  columns: (9mm, 14mm, 1fr, 62mm), align: (right + horizon, center + horizon, horizon, horizon),
  inset: (x: 2mm, y: 2.6mm), stroke: 0.5pt + luma(120),
  table.header("", ..told.walk_heads.map(one => text(weight: "bold", size: 10pt, one))),
  ..range(told.blank).map(at => (str(told.people.len() + at + 1), tick, [], [])).flatten(),
)
#v(6mm)
#grid(columns: (1fr, 1fr), column-gutter: 10mm,
  ..told.signed.map(one => [#one #v(7mm) #line(length: 100%, stroke: 0.5pt)]))
"""


@dataclass(frozen=True, slots=True)
class Roster:
    """What is printed: the session, and everybody with a place."""

    activity: Activity
    session: ActivitySession
    entries: Sequence[RosterEntry]


def roster_pdf(roster: Roster, say: Translate, *, lang: str, now: datetime) -> bytes:
    """C31: the list with a box to tick at each line; accessible by the PDF/UA-1 rules."""
    _ = say
    session = roster.session
    coming = sorted(
        (one for one in roster.entries if one.state == "taken"),
        key=lambda one: (one.kana or one.display_name, one.member_number),
    )
    missing = pdf.missing_letters(one.display_name for one in coming)
    told = {
        "lang": "en" if lang == "en" else "ja",
        "title": _("名簿: {title}", title=roster.activity.title),
        "facts": [
            (_("日時"), formats.span(session.starts_at, session.ends_at, lang)),
            (_("場所"), session.place),
            (_("申込"), _("{count}人", count=len(coming))),
        ],
        "missing": _("この紙に出せない文字があります（〓）。手で書き足してください。")
        if missing
        else "",
        "heads": ["", _("来た"), _("登録番号"), _("お名前"), _("メモ")],
        "people": [
            {
                "number": grouped(one.member_number, MEMBER),
                "name": one.display_name,
                "kana": one.kana or "",
                "remark": _remark(one, _),
            }
            for one in coming
        ],
        "walk_ins": _("申込のない人"),
        "walk_heads": [_("来た"), _("お名前"), _("登録番号")],
        "blank": WALK_INS,
        "signed": [_("確認した人（1人目）"), _("確認した人（2人目）")],
        "note": _(
            "{day}に印刷。終わったら、2人が画面の受付で入力し、この紙は細断します。",
            day=formats.day(japan_day(now), lang),
        ),
    }
    return pdf.typeset(_SHEET, told, now=now)


def _remark(one: RosterEntry, _: Translate) -> str:
    told = []
    if one.minor:
        told.append(_("未成年"))
    if one.emergency_phone:
        told.append(f"{one.emergency_name or ''} {one.emergency_phone}".strip())
    if one.arrived_at is not None:
        told.append(_("受付済み"))
    return " ".join(told)
