"""Background work: the schedule, the jobs and the notices. Celery is spoken here only."""
