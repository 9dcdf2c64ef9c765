"""What kind of browser somebody used, in the names people know. Only for showing: it proves nothing."""

import re
from typing import Final

#: The first that fits is it: many browsers call themselves by their elders' names as well.
_BROWSERS: Final = (
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("LINE", r"\bLine/"),
    ("Firefox", r"(Firefox|FxiOS)/"),
    ("Chrome", r"(Chrome|CriOS|Chromium)/"),
    ("Safari", r"Version/.*Safari/"),
)
_SYSTEMS: Final = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("ChromeOS", r"CrOS"),
    ("Mac", r"Macintosh|Mac OS X"),
    ("Linux", r"Linux"),
)


def browser_of(user_agent: str) -> str:
    """Browser and system, as "Chrome / Android"; empty when neither is known."""
    found = (
        next((name for name, mark in names if re.search(mark, user_agent)), "")
        for names in (_BROWSERS, _SYSTEMS)
    )
    return " / ".join(name for name in found if name)
