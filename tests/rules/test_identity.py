"""R12: the card is asked for once a year at most, and only who does not show it loses anything."""

from datetime import date, timedelta

import pytest

from registry.rules.identity import asks_again, identity_lapsed_on

DAY = timedelta(days=1)
BEGUN = date(2029, 3, 1)


@pytest.mark.parametrize(
    ("checked_on", "asked"),
    [
        (None, True),
        (BEGUN - DAY, True),
        (BEGUN, True),
        (BEGUN + DAY, False),
        (BEGUN + 300 * DAY, False),
    ],
)
def test_r12_a_check_inside_the_ended_year_is_enough(checked_on: date | None, asked: bool) -> None:
    assert asks_again(checked_on, BEGUN) is asked


@pytest.mark.parametrize(
    ("certificate", "asked_on", "checked_on", "lapsed_on"),
    [
        (None, None, None, None),
        (BEGUN, None, None, BEGUN),
        (None, BEGUN, None, BEGUN),
        (None, BEGUN, BEGUN - DAY, BEGUN),
        (None, BEGUN, BEGUN, None),
        # The earlier of both: a certificate that lapsed later gives no new grace.
        (BEGUN + DAY, BEGUN, None, BEGUN),
        (BEGUN - DAY, BEGUN, None, BEGUN - DAY),
        (BEGUN + DAY, BEGUN, BEGUN, BEGUN + DAY),
    ],
)
def test_r12_since_when_an_identity_does_not_hold(
    certificate: date | None, asked_on: date | None, checked_on: date | None, lapsed_on: date | None
) -> None:
    assert identity_lapsed_on(certificate, asked_on=asked_on, checked_on=checked_on) == lapsed_on
