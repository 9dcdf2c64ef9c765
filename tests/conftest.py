"""Real PostgreSQL and Valkey for all tests: started once a run, one migrated template a worker.

`platform`, `client` and friends work in one transaction that is rolled back; `own_database`
is a fresh copy of the template with the real login roles, for tests that race or commit.
Set FURUSATO_TEST_SERVER (a superuser's address) and FURUSATO_TEST_REDIS to use other servers.
"""

import asyncio
import gc
import os
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import hypothesis
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Playwright, sync_playwright
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from app import migrate
from app.local import LocalStack
from app.main import create_app, equip
from core.clock import FixedClock
from core.db import Context, Database
from core.settings import Environment, Settings
from core.tenancy import Audience
from core.web import Platform
from tests.browser_setup import find_chromium

T = TypeVar("T")
SERVER = "FURUSATO_TEST_SERVER"
REDIS = "FURUSATO_TEST_REDIS"
_STACKS: list[LocalStack] = []
# The same cases each time, however slow the machine: a run says what a change broke. New cases are
# looked for with `--hypothesis-profile=search`.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", max_examples=5_000, deadline=None)
hypothesis.settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, before test workers are made: they inherit the addresses."""
    if hasattr(config, "workerinput") or os.environ.get(SERVER):
        return
    stack = LocalStack(
        Path(tempfile.mkdtemp(prefix="furusato-test-")),
        environment=Environment.TEST,
        durable=False,
    )
    stack.start()
    _STACKS.append(stack)
    os.environ[SERVER] = stack.server_url("postgres")
    os.environ[REDIS] = stack.settings().redis_url


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that take minutes begin first, one after the other; the rest fills the time.

    A browser gets a second try, as its picture may come late on a busy machine. The summary names
    what needed one: such a test is to be mended, not lived with.
    """
    items.sort(key=lambda item: item.get_closest_marker("stack") is None)
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Stop what was started."""
    gc.unfreeze()
    for stack in _STACKS:
        stack.stop()


def server_address(database: str) -> str:
    """The superuser's address of a database on the test server."""
    url = make_url(os.environ[SERVER]).set(database=database)
    return url.render_as_string(hide_password=False)


@contextmanager
def administrator() -> Iterator[Connection]:
    """A superuser's connection for making and dropping databases."""
    url = make_url(server_address("postgres")).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def new_database(template: str | None = None) -> Iterator[str]:
    """A database of its own; its name. Dropped afterwards."""
    name = f"furusato_test_{uuid4().hex[:12]}"
    source = (
        f"template {template}"
        if template
        else "template template0 locale_provider builtin builtin_locale 'C.UTF-8' encoding 'UTF8'"
    )
    with administrator() as connection:
        connection.execute(text(f"create database {name} {source}"))
    try:
        yield name
    finally:
        with administrator() as connection:
            connection.execute(text(f"drop database if exists {name} with (force)"))


@pytest.fixture(scope="session")
def template() -> Iterator[str]:
    """A migrated database with all local governments; never written to by a test."""
    with new_database() as name:
        migrate.upgrade(server_address(name), "")
        migrate.load(server_address(name))
        yield name


@pytest.fixture(scope="session")
def shared_name(template: str) -> Iterator[str]:
    """The copy that all rolled-back tests of a worker share: a template must stand alone."""
    with new_database(template) as name:
        yield name


@pytest.fixture(scope="session")
def template_engine(shared_name: str) -> Iterator[Engine]:
    """Superuser connections to the shared copy; every use is rolled back."""
    url = make_url(server_address(shared_name)).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    yield engine
    engine.dispose()


class RollbackDatabase(Database):
    """All transactions of one test inside one that is rolled back.

    Each works under its audience's role all the same (SET LOCAL ROLE), so policies and
    missing rights show.
    """

    def __init__(self, settings: Settings, connection: Connection) -> None:
        super().__init__(settings)
        self._connection = connection

    def engine(self, audience: Audience) -> Engine:
        """There is one connection only; asking for a pool is a mistake in a test."""
        raise AssertionError(f"no pool for {audience} in a rolled-back test")

    def _session(self, context: Context) -> Session:
        self._connection.execute(text(f"set local role {context.audience.role}"))
        return Session(
            self._connection,
            join_transaction_mode="create_savepoint",
            expire_on_commit=False,
            info={"context": context},
        )

    @contextmanager
    def owner(self) -> Iterator[Connection]:
        """The superuser's view, to prepare and to look at everything."""
        self._connection.execute(text("reset role"))
        yield self._connection


def make_settings(database: str) -> Settings:
    """Settings of a test process."""
    return Settings(
        _env_file=None,
        DATABASE_URL=server_address(database),
        REDIS_URL=os.environ[REDIS],
        environment=Environment.TEST,
        public_url="http://testserver",
        show_sign_in_codes=True,
    )


@pytest.fixture
def settings(shared_name: str) -> Settings:
    """Settings of a test process."""
    return make_settings(shared_name)


@pytest.fixture
def clock() -> FixedClock:
    """2027-06-01 10:00 in Japan, in the test's hands."""
    return FixedClock(datetime(2027, 6, 1, 1, 0, tzinfo=UTC))


@pytest.fixture
def database(settings: Settings, template_engine: Engine) -> Iterator[RollbackDatabase]:
    """The rolled-back database of one test."""
    with template_engine.connect() as connection:
        outer = connection.begin()
        yield RollbackDatabase(settings, connection)
        outer.rollback()


_SERVED: list[FastAPI] = []


def serve(settings: Settings, database: Database, clock: FixedClock) -> FastAPI:
    """The process's one application with these parts, until somebody else asks.

    To work out its five hundred routes takes an application half a second at its first
    request: more than most tests take.
    """
    if not _SERVED:
        _SERVED.append(create_app(settings, database=database, clock=clock))
    [app] = _SERVED
    equip(app, settings, database=database, clock=clock)
    return app


@pytest.fixture
def app(settings: Settings, database: RollbackDatabase, clock: FixedClock) -> FastAPI:
    """The web application on the rolled-back database."""
    return serve(settings, database, clock)


@pytest.fixture
def platform(app: FastAPI) -> Platform:
    """The parts behind the application."""
    found: Platform = app.state.platform
    return found


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """HTTP without a network; errors of ours are answers, not exceptions."""
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as http:
        yield http


@contextmanager
def own_copy(template: str) -> Iterator[Database]:
    """A fresh copy of a database that nobody is connected to, with the real login roles."""
    with new_database(template) as name:
        database = Database(make_settings(name))
        try:
            yield database
        finally:
            database.dispose()


@pytest.fixture
def own_database(template: str) -> Iterator[Database]:
    """A fresh database with real login roles, for tests that race, commit or crash."""
    with own_copy(template) as database:
        yield database


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """Started once a process: a thread may have one Playwright only."""
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def opened_browser(driver: Playwright, path: str | None) -> Iterator[Browser]:
    """A browser without a window."""
    browser = driver.chromium.launch(
        executable_path=path,
        args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"],
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def chromium(driver: Playwright) -> Iterator[Browser]:
    """The system's Chromium, its windowless build where it is installed: half the work a page."""
    with opened_browser(driver, find_chromium(light=True)) as browser:
        yield browser


@pytest.fixture(scope="session")
def whole_chromium(driver: Playwright) -> Iterator[Browser]:
    """With all that the windowless build leaves out: notices on the screen, for one."""
    with opened_browser(driver, find_chromium()) as browser:
        yield browser


def on_its_own(work: Coroutine[Any, Any, T]) -> T:
    """Run in a thread without a loop: a browser's tests leave one running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
