"""Host organisations, designated activities, sessions, sign-up, presence."""
