"""R05: more than twenty registrations: one digest a day, none of them lost or a day late."""

from datetime import datetime, timedelta

import pytest

from registry.rules.calendars import JST
from registry.rules.digest import digest_at, takes_digest
from tests.rules.making import policy


@pytest.mark.parametrize(("registrations", "taken"), [(0, False), (20, False), (21, True)])
def test_r05_above_twenty_registrations(registrations: int, taken: bool) -> None:
    assert takes_digest(registrations, policy()) is taken


@pytest.mark.parametrize(
    ("owed_at", "leaves_at"),
    [
        (datetime(2027, 6, 1, 0, 0, tzinfo=JST), datetime(2027, 6, 1, 18, tzinfo=JST)),
        (datetime(2027, 6, 1, 18, 0, tzinfo=JST), datetime(2027, 6, 1, 18, tzinfo=JST)),
        (datetime(2027, 6, 1, 18, 0, 1, tzinfo=JST), datetime(2027, 6, 2, 18, tzinfo=JST)),
        (datetime(2027, 12, 31, 23, 59, tzinfo=JST), datetime(2028, 1, 1, 18, tzinfo=JST)),
    ],
)
def test_r05_a_notice_waits_for_the_next_digest(owed_at: datetime, leaves_at: datetime) -> None:
    assert digest_at(owed_at, policy()) == leaves_at
    assert digest_at(owed_at, policy()) - owed_at < timedelta(days=1)


def test_r05_an_instant_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        digest_at(datetime(2027, 6, 1, 12), policy())  # noqa: DTZ001 - it is the point of the test
