"""Sentences that say what a proposal lacks, to be put into a reason, seen, and changed there (R09).

The host reads them, so they are Japanese whatever language staff work in. Nothing is sent from here:
a sentence stands in the field of the reason before anybody presses a button.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.texts import N_, Translate


@dataclass(frozen=True, slots=True)
class Template:
    """What may be lacking.

    Attributes:
        label: What staff choose.
        text: What the host reads.
    """

    label: str
    text: str


#: Questions of the checklist first (R09), then what is often forgotten.
TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType(
    {
        "public_nature": Template(
            N_("公共性が読み取れない"),
            "だれのためになる活動かを、書き足してください。地域のみんなにどう役立つかがわかると、指定できます。",
        ),
        "local_contribution": Template(
            N_("地域への貢献が読み取れない"),
            "地域のどんな困りごとに役立つかを、書き足してください。",
        ),
        "shortage_of_hands": Template(
            N_("人手不足が読み取れない"),
            "地元だけでは人手が足りないようすを、書き足してください。あと何人いると助かるか、だけでも結構です。",
        ),
        "substance_and_time": Template(
            N_("中身と時間が足りない"),
            "何を、どのくらいの時間するかを、書き足してください。見学だけの時間は数えられません。",
        ),
        "dates": Template(
            N_("日時や場所が決まっていない"),
            "日時と場所が決まりましたら、開催回を加えて、もう一度提出してください。",
        ),
        "bring": Template(
            N_("持ち物・服装がわからない"),
            "持ち物と服装を、初めての人にもわかるように書いてください。",
        ),
        "contact": Template(
            N_("問い合わせ先がない"), "当日に連絡がつく問い合わせ先を、書いてください。"
        ),
        "insurance": Template(
            N_("保険がわからない"), "けがをしたときの保険をどうするか、確かめて書いてください。"
        ),
        "twice": Template(
            N_("同じ提案がほかにもある"),
            "同じ活動の提案が、ほかにもあります。どちらかを取り下げてください。",
        ),
    }
)

_OTHERS: Final = frozenset({"dates", "bring", "contact", "insurance", "twice"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A template as a page offers it."""

    code: str
    label: str
    text: str


def choices(say: Translate, questions: Sequence[str]) -> list[Choice]:
    """What is offered: those of the checklist's questions that are asked now, then the others."""
    asked = [code for code in TEMPLATES if code in questions or code in _OTHERS]
    return [Choice(code, say(TEMPLATES[code].label), TEMPLATES[code].text) for code in asked]


def filled(reason: str, chosen: Iterable[str]) -> str:
    """R09: a reason with the chosen sentences below what was written, none of them twice."""
    lines = [reason] if reason else []
    lines += [
        TEMPLATES[code].text
        for code in dict.fromkeys(chosen)
        if code in TEMPLATES and TEMPLATES[code].text not in reason
    ]
    return "\n".join(lines)
