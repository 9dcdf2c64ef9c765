"""Japanese days as whole numbers (those of `date.toordinal`), for the compiled engine.

The same arithmetic as `registry.rules.calendars` and `registry.rules.terms`; the parity test
compares every function with its original.
"""

from simulation.fast import compiled

NONE = -1
_ERA_DAYS, _ERA_YEARS = 146_097, 400
_CENTURY, _FOUR, _YEAR = 36_524, 1_460, 365
#: From 1 March of year 0 to the day before 0001-01-01.
_SHIFT = 305
_MARCH = 3
MONTHS = 12
_FEBRUARY, _LEAP_DAY = 2, 29


@compiled
def day_of(year: int, month: int, day: int) -> int:
    """The number of a calendar day."""
    y = year - (1 if month < _MARCH else 0)
    era = y // _ERA_YEARS
    of_era = y - era * _ERA_YEARS
    shifted = month - _MARCH if month >= _MARCH else month + 9
    of_year = (153 * shifted + 2) // 5 + day - 1
    return era * _ERA_DAYS + of_era * _YEAR + of_era // 4 - of_era // 100 + of_year - _SHIFT


@compiled
def parts_of(number: int) -> tuple[int, int, int]:
    """Year, month and day of a number."""
    z = number + _SHIFT
    era = z // _ERA_DAYS
    of_era = z - era * _ERA_DAYS
    years = (of_era - of_era // _FOUR + of_era // _CENTURY - of_era // (_ERA_DAYS - 1)) // _YEAR
    of_year = of_era - (_YEAR * years + years // 4 - years // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + _MARCH if shifted < 10 else shifted - 9  # noqa: PLR2004 - March to December
    year = years + era * _ERA_YEARS + (1 if month < _MARCH else 0)
    return year, month, day


@compiled
def month_length(year: int, month: int) -> int:
    """Days of a month."""
    following = day_of(year + 1, 1, 1) if month == MONTHS else day_of(year, month + 1, 1)
    return following - day_of(year, month, 1)


@compiled
def add_months(number: int, months: int) -> int:
    """R06, R14: the corresponding day, the month's last where there is none."""
    year, month, day = parts_of(number)
    total = year * MONTHS + month - 1 + months
    year, month = total // MONTHS, total % MONTHS + 1
    return day_of(year, month, min(day, month_length(year, month)))


@compiled
def term_last(first: int, months: int) -> int:
    """R14: the last day of a term that begins on a day."""
    _, _, day = parts_of(first)
    corresponding = add_months(first, months)
    _, _, found = parts_of(corresponding)
    return corresponding if found < day else corresponding - 1


@compiled
def age_on(birth: int, number: int) -> int:
    """R18: full years; someone born on 29 February has the birthday on 1 March otherwise."""
    year, month, day = parts_of(birth)
    now = parts_of(number)[0]
    if month == _FEBRUARY and day == _LEAP_DAY and month_length(now, 2) < _LEAP_DAY:
        month, day = 3, 1
    return now - year - (1 if number < day_of(now, month, day) else 0)


@compiled
def window_first(kind: int, length: int, number: int, registered: int) -> int:
    """R07: the first day that counts; 0 rolling days, 1 fiscal year, 2 year of registration."""
    if kind == 0:
        return number - length + 1
    year, month, _ = parts_of(number)
    if kind == 1:
        return day_of(year - (1 if month < 4 else 0), 4, 1)  # noqa: PLR2004 - April
    years = year - parts_of(registered)[0]
    start = add_months(registered, MONTHS * years)
    return start if start <= number else add_months(registered, MONTHS * (years - 1))


@compiled
def window_last(kind: int, first: int, number: int) -> int:
    """R07: the last day that counts."""
    if kind == 0:
        return number
    return add_months(first, MONTHS) - 1
