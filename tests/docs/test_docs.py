"""The documents tell the truth: commands exist, links lead somewhere, the main job works as written."""

import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from typer.core import TyperGroup
from typer.main import get_command

from app.cli import cli
from core.settings import Settings
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.registry import GIFU, HIDA, NOW, open_bodies

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
#: Hosts that are nobody's, of examples, and of public bodies whose service is described.
ALLOWED_HOSTS = re.compile(
    r"(localhost|127\.0\.0\.1|([\w.-]+\.)?example(\.[a-z]+)*|auth-and-sign\.go\.jp|…)(:\d+)?"
)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Relative links to files that are there; anchors of other sites are not ours to promise."""
    path = ROOT / name
    for found in LINK.finditer(path.read_text(encoding="utf-8")):
        target = (found[1] or found[2]).split("#")[0]
        assert not target.startswith("/"), target
        if target and not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("name", NAMES)
def test_documents_name_no_machine(name: str) -> None:
    """No paths of somebody's disk, no hosts that exist."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|usr|Users|opt|mnt)/", text)
    for host in re.findall(r"[a-z]+://([^\s/`\")|<]+)", text):
        assert ALLOWED_HOSTS.fullmatch(host.rpartition("@")[2]), host


def words_of(group: TyperGroup, before: str = "") -> Iterator[str]:
    """Every command of the console, by its words."""
    for name, child in group.commands.items():
        words = f"{before} {name}".strip()
        yield words
        if isinstance(child, TyperGroup):
            yield from words_of(child, words)


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str) -> None:
    """Each `make` target and each `furusato` command that is named can be called."""
    text = (ROOT / name).read_text(encoding="utf-8")
    code = "\n".join(code_of(text))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)", code, re.MULTILINE)) <= targets
    console = get_command(cli)
    assert isinstance(console, TyperGroup)
    known = set(words_of(console))
    for called in re.findall(r"^(?:\w+=\S+ )*furusato ([a-z]+(?: [a-z]+)?)", code, re.MULTILINE):
        assert called in known or called.split()[0] in known, called


def code_of(text: str) -> list[str]:
    """Inline code and lines of shell blocks."""
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [*inline, *(line for block in blocks for line in block.splitlines())]


def test_every_setting_is_documented() -> None:
    """`.env.example` names every setting and no other."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))
    known = set()
    for field, info in Settings.model_fields.items():
        choices = getattr(info.validation_alias, "choices", None)
        known.add(str(choices[0]) if choices else f"FURUSATO_{field.upper()}")
    assert named == known


def requests_of(text: str) -> list[list[str]]:
    """The words of each curl command of the README's main job."""
    section = text.split("## The main job with curl")[1]
    block = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)[0].replace("\\\n", " ")
    return [shlex.split(line) for line in block.splitlines() if line.startswith("curl ")]


class Shell:
    """Sends what curl would send, with the variables the reader has filled in."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.values = {"API": "/api/v1", "(uuidgen)": str(uuid4())}

    def filled(self, word: str) -> str:
        for name, value in self.values.items():
            word = word.replace(f"${name}", value)
        assert "$" not in word, word
        return word

    def send(self, words: list[str]) -> Any:
        arguments = iter(self.filled(word) for word in words[1:])
        url, content, headers = "", None, {}
        method = "GET"
        for word in arguments:
            match word:
                case "-s":
                    pass
                case "-X":
                    method = next(arguments)
                case "-H":
                    name, _, value = next(arguments).partition(": ")
                    headers[name] = value
                case "--json":
                    content, method = next(arguments), "POST"
                    headers["Content-Type"] = "application/json"
                case _:
                    url = word
        return self.client.request(method, url, content=content, headers=headers)


def test_the_main_job_works_as_the_readme_says(
    client: TestClient, database: RollbackDatabase
) -> None:
    """From the first code to the application, request by request."""
    open_bodies(database, GIFU, HIDA)
    activity = create_designated_activity(database)
    session = create_session(database, activity, starts_at=NOW + timedelta(minutes=30))
    shell = Shell(client)
    shell.values |= {
        "ACTIVITY": str(activity.id),
        "SESSION": str(session.id),
        "POSTER": session.poster_code,
    }
    answers = []
    for words in requests_of((ROOT / "README.md").read_text(encoding="utf-8")):
        answer = shell.send(words)
        said = answer.json()
        answers.append((answer.request.url.path.removeprefix("/api/v1"), answer.status_code, said))
        if "binding" in said:
            shell.values |= {"CODE": said["code"], "BINDING": said["binding"]}
        if "token" in said:
            shell.values["ME"] = f"Authorization: Bearer {said['token']}"
    assert [status for _, status, _ in answers] == [
        *(202, 201, 201, 201, 200, 200, 201, 200, 200, 200, 201)
    ], answers
    by_path = {path: said for path, _, said in answers}
    assert by_path["/me/registrations/212172/plan"]["standing"] == "first"
    assert by_path["/me/registrations"]["name"] == "飛騨市"
    assert by_path["/activities"]["items"][0]["id"] == str(activity.id)
    assert by_path["/check-ins"]["outcome"] == "accepted"
    assert by_path["/check-ins"]["counted"] is True
    application = by_path[f"/me/registrations/{HIDA}/application"]
    assert application["state"] == "refused"
    assert {"R07", "R12"} <= {reason["rule"] for reason in application["reasons"]}


def test_the_example_of_a_refusal_is_one(client: TestClient) -> None:
    """The integrators' page shows the shape that is really sent."""
    text = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    shown = re.findall(r'"(type|title|status|code|detail|problems)":', text.split("```")[1])
    sent = client.get("/api/v1/me").json()
    assert sorted(set(shown)) == sorted(sent)


def test_the_clerks_guide_quotes_words_that_are_on_the_screens() -> None:
    """A page that is renamed renames itself here, or the guide sends people nowhere."""
    rooms = ("admin/templates", "core/templates", "mobile/templates", "admin")
    screens = "".join(
        path.read_text()
        for room in rooms
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in {".html", ".py"}
    )
    quoted = set(re.findall(r"「([^」]+)」", (ROOT / "docs/staff_guide.ja.md").read_text()))
    assert len(quoted) > 20
    patterns = {words: re.escape(words).replace("◯", r"\{\w+\}") for words in quoted}
    assert [words for words, one in patterns.items() if not re.search(one, screens)] == []
