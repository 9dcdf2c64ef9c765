"""The two engines side by side: the model's measures, and those of the platform it was played on.

The draw is shared: both live the same acts. So every measure must be the same in every month;
what cannot be compared is named with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulation import measures as ms
from simulation.parts import Counts
from simulation.summary import series_of

#: Measures that only one of the two can have.
APART = {
    "wanted_participations": "who finds no place is drawn by the model and does not come",
    "turned_away": "who finds no place is drawn by the model and does not come",
    "support_yen": "the platform keeps no account of fares and supports",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One measure in both. `months` are those that differ, counted from 0."""

    measure: str
    model: int
    platform: int
    months: tuple[int, ...]
    reason: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether the two agree, or need not."""
        return bool(self.reason) or (self.model == self.platform and not self.months)


def compared(model: Counts, platform: Counts, held: Mapping[str, int]) -> Sequence[Line]:
    """Every measure by month; stocks on the last day also as the tables of the platform hold them."""
    mine, other = series_of(model).sum(axis=1), series_of(platform).sum(axis=1)
    lines = []
    for at, name in enumerate(ms.METRICS):
        months = tuple(int(n) for n in np.flatnonzero(mine[:, at] != other[:, at]))
        if name in ms.STOCKS:
            ours, theirs = int(mine[-1, at]), held.get(name, int(other[-1, at]))
        else:
            ours, theirs = int(mine[:, at].sum()), int(other[:, at].sum())
        lines.append(Line(name, ours, theirs, months, APART.get(name, "")))
    refused = model.table("refusals"), platform.table("refusals")
    months = () if np.array_equal(*refused) else (0,)
    lines.append(Line("reasons_of_refusals", int(refused[0].sum()), int(refused[1].sum()), months))
    return lines
