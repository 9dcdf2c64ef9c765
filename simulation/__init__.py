"""The rehearsal of the scheme: people as agents, bodies with hosts, the rules of the registry."""
