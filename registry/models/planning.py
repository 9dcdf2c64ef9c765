"""When a night has to look at a row again."""

from datetime import date

#: A row that no night has planned yet: the next night looks at it.
UNPLANNED = date(2000, 1, 1)
