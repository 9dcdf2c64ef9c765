"""C31: minutes follow what the activity asks of those who come and go."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.rules.attendance import AttendanceMode, minutes_there

START = datetime(2027, 6, 5, 0, 0, tzinfo=UTC)
SPAN = (START, START + timedelta(hours=3))


@pytest.mark.parametrize(
    ("came", "left", "minutes"),
    [
        (0, 180, 180),
        (-30, 200, 180),  # before the beginning and after the end nobody works
        (20, 150, 130),
        (20, None, 160),  # forgotten: until the session's end
        (170, 165, 0),
        (200, None, 0),
    ],
)
def test_c31_in_and_out_is_the_time_between(came: int, left: int | None, minutes: int) -> None:
    left_at = None if left is None else START + timedelta(minutes=left)
    arrived_at = START + timedelta(minutes=came)
    found = minutes_there(AttendanceMode.IN_AND_OUT, SPAN, arrived_at=arrived_at, left_at=left_at)
    assert found == minutes


@pytest.mark.parametrize("mode", ["in_only", "automatic", None])
def test_c31_otherwise_the_scheduled_hours_stand(mode: str | None) -> None:
    late = START + timedelta(hours=2)
    assert minutes_there(mode, SPAN, arrived_at=late, left_at=late) == 180
