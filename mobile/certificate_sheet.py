"""証明書 on paper: one A4 sheet, in the reader's language (R22)."""

from dataclasses import dataclass
from typing import Final

from core import formats, pdf
from core.clock import japan_day
from core.shortcode import CERTIFICATE, grouped
from core.texts import Translate
from mobile.certificates import Issued
from mobile.pages.cards import TIERS
from mobile.pages.occasions import town_name
from qr.render import Level, qr_svg
from registry.people import CARD_LEVELS
from registry.rules.counting import window_rolling

_SHEET: Final = """
#let told = json(bytes(sys.inputs.told))
#set document(title: told.title)
#set page(paper: "a4", margin: 28mm)
#set text(lang: told.lang, font: "Noto Sans JP", size: 12pt)
#set par(leading: 1em)
#align(center, text(size: 22pt, heading(level: 1, outlined: false, told.title)))
#v(12mm)
#told.sentence
#v(6mm)
#table(
  columns: (3fr, 7fr), stroke: (x, y) => (bottom: 0.5pt + luma(180)), inset: (x: 2mm, y: 3.5mm),
  ..told.rows.flatten(),
)
#v(10mm)
#grid(
  columns: (32mm, 1fr), column-gutter: 8mm, align: horizon,
  image(bytes(sys.inputs.qr), width: 32mm, alt: told.check),
  [
    #text(size: 10pt, told.check) \\
    #text(size: 10pt, told.url) \\
    #v(1mm)
    #text(size: 11pt, told.number)
  ],
)
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom the sheet is: the words, and how days are written."""

    translate: Translate
    lang: str


def check_url(public_url: str, issued: Issued) -> str:
    """Where anybody checks it, without an account."""
    return f"{public_url}/verify/{issued.number}"


def certificate_pdf(issued: Issued, *, public_url: str, reader: Reader) -> bytes:
    """R22: the sheet as PDF, accessible by the PDF/UA-1 rules."""
    _ = reader.translate
    url = check_url(public_url, issued)
    code = grouped(issued.certificate.number, CERTIFICATE)
    check = _("この証明書が有効かどうかは、この二次元コードか番号で、だれでも確かめられます。")
    told = {
        "lang": "en" if reader.lang == "en" else "ja",
        "title": _("ふるさと住民登録の証明書"),
        "sentence": _("次のとおり、ふるさと住民登録をしていることを示します。"),
        "rows": _rows(issued, reader),
        "check": check,
        "url": url,
        "number": _("番号 {number}", number=f"{issued.certificate.lg_code} {code}"),
    }
    qr = qr_svg(url, level=Level.M, title=check)
    return pdf.typeset(_SHEET, told, images={"qr": qr}, now=issued.certificate.issued_at)


def _rows(issued: Issued, reader: Reader) -> list[list[str]]:
    _, lang = reader.translate, reader.lang
    row, made = issued.registration, issued.certificate
    day = japan_day(made.issued_at)
    proved = row.identity_level in CARD_LEVELS
    rows = [
        (
            _("お名前"),
            _("{name}（マイナンバーカードで確認）", name=row.display_name)
            if proved
            else _("{name}（ご本人が登録したお名前）", name=row.display_name),
        ),
        (_("まち"), town_name(issued.government)),
        (_("登録"), _(TIERS[made.tier])),
        (_("登録した日"), formats.day(row.registered_on, lang)),
    ]
    if made.premium_until is not None:
        until = formats.day(made.premium_until, lang)
        rows.append((_("プレミアム登録の期間"), _("{day}まで", day=until)))
    first = formats.day(window_rolling(day).first, lang)
    took = _(
        "{count}回（{hours}時間{minutes}分）",
        count=made.counted,
        hours=made.minutes // 60,
        minutes=made.minutes % 60,
    )
    rows += [
        (_("活動への参加"), f"{took}\n" + _("{first}から1年間", first=first)),
        (_("この証明書の日"), formats.day(day, lang)),
    ]
    return [list(pair) for pair in rows]
