"""Migrations agree with the models, and the check would notice if they did not."""

from pathlib import Path

import pytest
from sqlalchemy import Index

from app import migrate
from app.local import LocalStack
from core.db import Base
from core.settings import Environment


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStack:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    return LocalStack(tmp_path, environment=Environment.TEST, durable=False)


def test_migrating_and_loading_can_be_repeated(stack: LocalStack) -> None:
    with stack:
        for _ in range(2):
            migrate.upgrade(stack.owner_url, "password")
            assert migrate.load(stack.owner_url) == 1788
        assert migrate.holds_people(stack.owner_url) is False


def test_change_of_a_model_without_a_migration_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert migrate.check() is None
    person = Base.metadata.tables["person"]
    forgotten = Index("ix_person_forgotten", person.c.created_at)
    try:
        assert "ix_person_forgotten" in str(migrate.check())
    finally:
        person.indexes.discard(forgotten)
