"""R12: when the card has to be shown again."""

from datetime import date


def asks_again(checked_on: date | None, ended_first_day: date) -> bool:
    """R12: a renewal asks for a new check, unless one was made in the year that ends with it.

    The check of the first application came before its term or on its first day, and so does the
    one that a renewed year asked for: everybody is asked once a year, and who showed the card in
    the meantime is not asked at all.
    """
    return checked_on is None or checked_on <= ended_first_day


def identity_lapsed_on(
    certificate_lapsed_on: date | None, *, asked_on: date | None, checked_on: date | None
) -> date | None:
    """R12: since when an identity does not hold: by its certificate, or by a check not made.

    `asked_on` is the day on which a renewed term asked for a new check, `checked_on` that of the
    last one. The days of grace run from the day returned; None while the identity holds.
    """
    unanswered = asked_on is not None and (checked_on is None or checked_on < asked_on)
    days = (certificate_lapsed_on, asked_on if unanswered else None)
    return min((day for day in days if day is not None), default=None)
