"""Breaking Japanese lines, for sheets whose text nobody wraps for us. Pure.

SVG does not wrap text. Here a line breaks where a reader would pause: after a space
or a mark, then before a word, and inside a word only when nothing else fits. Lines do
not begin with 、。or close brackets, nor end with open ones (JIS X 4051).
"""

import re
import unicodedata
from functools import cache
from itertools import accumulate

ELLIPSIS = "…"
# Widths in em; a little generous, as the reader's font is not known.
WIDE, NARROW, CAPITAL = 1.0, 0.58, 0.74
_NO_START = set(
    "、。，．・：；？！゛゜´｀ヽヾゝゞ々ー〜～）〕］｝〉》」』】,.:;?!)]}%％℃…ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
_NO_END = set("（〔［｛〈《「『【([{￥$#＃№")
_OPEN, _CLOSE = set("「『（"), set("」』）")
_AFTER_MARK = set("、。！？）」』】〉》・!?,)…")
_FORBIDDEN = 10_000.0
_BEFORE_WORD, _BETWEEN_WORDS, _BEFORE_ENDING = 2.0, 8.0, 60.0
_IN_QUOTES = 60.0
_INSIDE = {"hiragana": 20.0, "kanji": 15.0, "katakana": 90.0, "latin": 400.0}


def text_width(text: str) -> float:
    """About how wide the text is, in em (the size of its font)."""
    return sum(_width(cluster) for cluster in clusters(text))


def clusters(text: str) -> list[str]:
    """Characters with what belongs to them: combining marks, variants of a kanji."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.category(character) in {"Mn", "Me", "Mc"}:
            found[-1] += character
        else:
            found.append(character)
    return found


def one_line(text: str) -> str:
    """The text without line ends and without characters that XML forbids."""
    spaced = re.sub(r"\s+", " ", text)
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cs", "Cn"}).strip()


def wrap(text: str, width: float, max_lines: int) -> list[str] | None:
    """The text in the fewest lines of ``width`` em, evenly; None when it does not fit."""
    parts = clusters(text)
    for count in range(1, max_lines + 1):
        lines = _lines(parts, width, count)
        if lines is not None:
            return lines
    return None


def wrap_or_cut(text: str, width: float, max_lines: int) -> list[str]:
    """As :func:`wrap`; what does not fit is cut off, visibly."""
    # No more can fit, so that an endless text costs no more than a long one.
    parts = clusters(text)
    most = int(width * max_lines / NARROW) + 1
    if len(parts) <= most and (lines := wrap(text, width, max_lines)) is not None:
        return lines
    for length in range(min(len(parts), most) - 1, 0, -1):
        shorter = "".join(parts[:length]).rstrip() + ELLIPSIS
        if (lines := wrap(shorter, width, max_lines)) is not None:
            return lines
    return [ELLIPSIS]


def _lines(parts: list[str], width: float, count: int) -> list[str] | None:
    """The best division into exactly ``count`` lines: least bad breaks, least ragged."""
    ends = len(parts)
    ideal = sum(map(_width, parts)) / count
    depths = list(accumulate((part in _OPEN) - (part in _CLOSE) for part in parts))
    # What a line shows last when it ends after part i: blanks at its end are not seen.
    shown = list(accumulate(parts, _last_shown))
    # best[i]: cost and line starts of the best division of the first i parts, so far.
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for _ in range(count):
        following: dict[int, tuple[float, tuple[int, ...]]] = {}
        for start, (cost, starts) in best.items():
            total = 0.0
            for end in range(start + 1, ends + 1):
                total += _width(parts[end - 1])
                if total > width + (WIDE if parts[end - 1] == " " else 0):
                    break
                price = cost + (total - ideal) ** 2
                if end < ends:
                    price += _break_cost(parts[end - 1], parts[end])
                    price += _FORBIDDEN if shown[end - 1][0] in _NO_END else 0
                    price += _IN_QUOTES if depths[end - 1] > 0 else 0
                if end not in following or price < following[end][0]:
                    following[end] = (price, (*starts, start))
        best = following
    if ends not in best or best[ends][0] >= _FORBIDDEN:
        return None
    starts = best[ends][1]
    slices = zip(starts, (*starts[1:], ends), strict=True)
    return ["".join(parts[start:end]).strip() for start, end in slices]


def _last_shown(seen: str, part: str) -> str:
    return seen if part == " " else part


@cache
def _break_cost(before: str, after: str) -> float:
    """How bad a line end between these two is; 0 where a reader pauses anyway."""
    if after[0] in _NO_START or before[0] in _NO_END or after == " ":
        return _FORBIDDEN
    if before == " " or before[0] in _AFTER_MARK or after[0] in _NO_END:
        return 0.0
    left, right = _script(before), _script(after)
    if left == right:
        return _INSIDE[left]
    if right == "hiragana" or (left == "latin" and right == "kanji"):
        return _BEFORE_ENDING
    return _BEFORE_WORD if left == "hiragana" else _BETWEEN_WORDS


@cache
def _width(cluster: str) -> float:
    if unicodedata.east_asian_width(cluster[0]) in {"W", "F", "A"}:
        return WIDE
    return CAPITAL if cluster[0].isupper() else NARROW


@cache
def _script(cluster: str) -> str:
    name = unicodedata.name(cluster[0], "")
    if name.startswith("HIRAGANA"):
        return "hiragana"
    if name.startswith("KATAKANA"):
        return "katakana"
    if name.startswith("CJK"):
        return "kanji"
    return "latin"
