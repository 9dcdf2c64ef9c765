"""C42: whether two registrations may be one person's; a human says whether they are."""

from dataclasses import dataclass

from core.japanese_text import plain


@dataclass(frozen=True, slots=True)
class Looks:
    """What is compared of a registration.

    Attributes:
        name: As the local government knows it.
        kana: Its reading, where it is known.
        residence: Code of where they live, where it is known.
        birth_year: Where it is known; compared here and told to nobody.
    """

    name: str
    kana: str | None
    residence: str | None
    birth_year: int | None


def alike(one: Looks, other: Looks) -> tuple[str, ...]:
    """C42: what is the same of two that look like one person; nothing when they do not.

    The same name or reading, the same year of birth, and no two different places of residence.
    A name alone says little: many people share one.
    """
    if one.birth_year is None or one.birth_year != other.birth_year:
        return ()
    if one.residence and other.residence and one.residence != other.residence:
        return ()
    named = folded(one.name) == folded(other.name)
    read = bool(one.kana and other.kana) and folded(one.kana or "") == folded(other.kana or "")
    if not (named or read):
        return ()
    found = (
        ("name", named),
        ("kana", read),
        ("birth_year", True),
        ("residence", bool(one.residence and one.residence == other.residence)),
    )
    return tuple(reason for reason, holds in found if holds)


def folded(text: str) -> str:
    """A name without blanks, widths and cases: 「山田　太郎」 and 「山田太郎」 are one."""
    return plain(text).replace(" ", "").casefold()
