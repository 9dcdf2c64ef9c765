"""The parts a background process is made of."""

from dataclasses import dataclass

from activities.evidence import SqlEvidence
from core.clock import Clock, clock_for
from core.db import Database
from core.settings import Settings, refuse_unsafe
from core.texts import Texts, all_words
from registry.evidence import Evidence
from registry.policybook import POLICY_DIR, numbers
from registry.rules.policy import PolicyBook


@dataclass(frozen=True, slots=True)
class Parts:
    """What every job needs. `clock` is the scheme's time; claims go by the machine's own."""

    settings: Settings
    database: Database
    clock: Clock
    book: PolicyBook
    evidence: Evidence
    texts: Texts

    @classmethod
    def of(
        cls, settings: Settings, *, database: Database | None = None, clock: Clock | None = None
    ) -> "Parts":
        """The parts for these settings, with a caller's own database or clock (tests).

        Raises:
            UnsafeSettingsError: The process must not start like this.
        """
        refuse_unsafe(settings)
        return cls(
            settings=settings,
            database=database or Database(settings),
            clock=clock or clock_for(settings.clock_file),
            book=numbers(settings.policy_dir or POLICY_DIR),
            evidence=SqlEvidence(),
            texts=all_words(),
        )
