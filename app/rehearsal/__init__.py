"""The rehearsal: simulated people on the real platform, see docs/simulation.md."""
