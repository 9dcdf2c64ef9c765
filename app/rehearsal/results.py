"""What a rehearsal leaves: the files of a simulation, and the model beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.local import LocalStack
from app.rehearsal.days import Played
from app.rehearsal.tally import records
from simulation.acts import Lives
from simulation.crosscheck import Line, compared
from simulation.output import RUN, write_json
from simulation.recount import recount
from simulation.report import write_report
from simulation.report_facts import facts_of
from simulation.run import months_of, write
from simulation.summary import summarise


@dataclass(frozen=True, slots=True)
class Results:
    """A rehearsal, counted.

    Attributes:
        played: How far it came.
        lines: Each measure in the model and on the platform.
        other_notices: Notices that the model does not send, by kind.
        months: The months of the run.
        people: Everybody who might have registered.
    """

    played: Played
    lines: Sequence[Line]
    other_notices: Mapping[str, int]
    months: Sequence[str]
    people: int

    @property
    def agrees(self) -> bool:
        """Whether model and platform are equal in all that both can have."""
        return self.played.whole and all(line.is_equal for line in self.lines)

    @property
    def agent_days(self) -> float:
        """Days of people lived in a second."""
        return self.people * self.played.days / max(self.played.seconds, 1e-9)

    def month(self, number: int) -> str:
        """A month of the run as YYYY-MM."""
        return self.months[number]


def results_of(stack: LocalStack, lives: Lives, played: Played, folder: Path) -> Results:
    """Count the platform's records and write them as a simulation writes its own."""
    job = lives.job
    found = records(stack, played)
    counts = recount(
        job.setting,
        found.happened,
        homes={who: agent.home for who, agent in lives.agents.items()},
        paper=frozenset(who for who, agent in lives.agents.items() if not agent.has_phone),
        ties=lives.ties,
    )
    lines = compared(lives.counts, counts, found.held)
    folder.mkdir(parents=True, exist_ok=True)
    summary = summarise(job, counts)
    write(job, counts, summary, folder)
    write_report(facts_of(job, counts, summary, lives.law), folder)
    results = Results(played, lines, found.other_notices, months_of(job.setting), job.people)
    write_json(
        folder / RUN,
        {
            "engine": "rehearsal",
            "until": played.until.isoformat(),
            "seconds": round(played.seconds, 2),
            "agent_days_a_second": round(results.agent_days),
            "nights": played.nights,
            "answers": {
                f"{act}:{answer}": number
                for (act, answer), number in sorted(played.troupe.answers.items())
            },
        },
    )
    return results
