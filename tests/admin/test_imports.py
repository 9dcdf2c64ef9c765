"""R27: an existing list is looked at, confirmed, and its people register by their own act only."""

from __future__ import annotations

import asyncio
import re
import socket
from datetime import timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import func, select

from core.access import Role
from core.clock import japan_day
from core.db import for_body, for_job
from core.models import AuditEvent
from core.texts import Texts
from registry import list_letters, list_mail
from registry.models import MemberImport, MemberImportRow, Registration
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    NOW,
    SignedIn,
    create_person,
    make_staff,
    open_bodies,
    policy_book,
)
from tests.factories.town_files import PLAIN, csv_file, workbook

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from tests.conftest import RollbackDatabase

IMPORTS = f"/staff/{HIDA}/imports"
#: 名簿: two good lines, an address twice, one that is none, a day that is none, no name.
LIST = [
    PLAIN,
    ("１", "髙橋　花子", "ﾀｶﾊｼ ﾊﾅｺ", "ｈａｎａｋｏ@example.jp", "R8.4.1"),
    ("2", "山田 太郎", "ヤマダ", "taro@example.jp", "H31/4/30"),
    ("3", "山田 次郎", "ヤマダ", "TARO@example.jp", "令和8年4月1日"),
    ("4", "佐藤 花", "サトウ", "hana.example.jp", ""),
    ("5", "鈴木 一", "スズキ", "hajime@example.jp", "H31/5/1"),
    ("6", "", "", "nobody@example.jp", ""),
]


@pytest.fixture
def clerk(database: RollbackDatabase) -> SignedIn:
    open_bodies(database, HIDA)
    return make_staff(database, HIDA, Role.CLERK)


def send(http: TestClient, clerk: SignedIn, data: bytes, name: str = "会員名簿.csv") -> Response:
    return http.post(
        IMPORTS,
        data={"_key": str(uuid4())},
        files={"file": (name, data)},
        headers=clerk.headers,
    )


def press(http: TestClient, clerk: SignedIn, path: str, **fields: str) -> Response:
    return http.post(path, data={"_key": str(uuid4()), **fields}, headers=clerk.headers)


def states(database: RollbackDatabase) -> dict[str, int]:
    """How many lines are in which state, over all lists."""
    counted = select(MemberImportRow.state, func.count()).group_by(MemberImportRow.state)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return dict(db.execute(counted).all())


def ask(database: RollbackDatabase) -> list[str]:
    """What the worker does before it mails: the tokens of the links."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        secret = database._settings.secret_key.get_secret_value()
        found = list_letters.letters(db, lg_code=HIDA, secret=secret, now=NOW, book=policy_book())
        return [one.token for one in found]


def test_r27_an_error_stands_beside_each_line_and_nobody_is_asked_before(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    sent = send(http, clerk, csv_file(LIST))
    assert sent.status_code == 303, sent.text
    page = http.get(sent.headers["location"], headers=clerk.headers).text
    assert states(database) == {"ready": 2, "error": 4}
    assert "hanako@example.jp" in page
    assert "髙橋 花子" in page
    for told in (
        "同じメールアドレスが前の行にあります",
        "メールアドレスの形が正しくありません",
        "入会日を日付として読めません",
        "氏名がありません",
    ):
        assert page.count(told) == 1
    assert ask(database) == []


def test_r27_the_same_list_three_times_asks_each_person_once(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    first = send(http, clerk, csv_file(LIST)).headers["location"]
    assert press(http, clerk, f"{first}/confirm").status_code == 303
    assert send(http, clerk, csv_file(LIST)).headers["location"] == first
    assert press(http, clerk, f"{first}/confirm").status_code == 409
    # The same people in another file: saved from Excel this time.
    other = send(http, clerk, workbook(LIST), "名簿.xlsx").headers["location"]
    assert other != first
    assert press(http, clerk, f"{other}/confirm").status_code == 303
    assert states(database) == {"to_mail": 2, "known": 2, "error": 8}
    assert len(ask(database)) == 2
    assert ask(database) == []


def test_r27_who_agrees_registers_and_the_line_forgets_them(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    where = send(http, clerk, csv_file(LIST)).headers["location"]
    press(http, clerk, f"{where}/confirm")
    link = f"/list-invitations/{ask(database)[0]}"
    someone = create_person(database, nickname="はなこ")
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        assert db.scalar(select(func.count()).select_from(Registration)) == 0
    page = http.get(link)
    assert page.status_code == 200
    assert "花子" not in page.text
    assert "hanako" not in page.text
    assert press(http, someone, link).headers["location"] == f"/towns/{HIDA}"
    assert press(http, someone, link).status_code == 303
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        registered = db.scalars(select(Registration).filter_by(lg_code=HIDA)).one()
        line = db.scalars(select(MemberImportRow).filter_by(state="agreed")).one()
    assert (registered.person_id, registered.status) == (someone.id, "active")
    assert (line.name, line.email, line.joined_on) == (None, None, None)
    assert http.get("/list-invitations/" + "0" * 64).status_code == 404


def test_r27_who_does_not_answer_is_forgotten_after_the_days(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    where = send(http, clerk, csv_file(LIST)).headers["location"]
    press(http, clerk, f"{where}/confirm")
    send(http, clerk, csv_file([PLAIN, LIST[1]]), "別.csv")
    token = ask(database)[0]
    last = japan_day(NOW) + timedelta(days=30)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        # The file that nobody confirmed goes after its own days.
        assert list_letters.end(db, lg_code=HIDA, as_of=last, now=NOW) == (0, 1)
    with database.transaction(for_job("imports_end", HIDA)) as db:
        assert list_letters.end(db, lg_code=HIDA, as_of=last + timedelta(days=1), now=NOW) == (2, 0)
        rows = db.scalars(select(MemberImportRow)).all()
        assert {(row.name, row.email) for row in rows} == {(None, None)}
    assert http.get(f"/list-invitations/{token}").status_code == 410
    again = send(http, clerk, workbook(LIST), "名簿.xlsx").headers["location"]
    press(http, clerk, f"{again}/confirm")
    assert ask(database) == []


def test_r12_a_list_with_individual_numbers_leaves_nothing_behind(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    rows = [(*PLAIN, "備考"), (*LIST[1], "１２３４ー５６７８ー９０１８")]
    answer = send(http, clerk, csv_file(rows))
    assert answer.status_code == 409
    assert "9018" not in answer.text
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        assert db.scalar(select(func.count()).select_from(MemberImport)) == 0


def test_r27_unknown_headers_are_chosen_by_a_person(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    rows = [("甲", "乙", "丙"), ("1", "山田 太郎", "taro@example.jp")]
    where = send(http, clerk, csv_file(rows)).headers["location"]
    assert "列を選んでください" in http.get(where, headers=clerk.headers).text
    same = press(http, clerk, f"{where}/columns", column_name="1", column_email="1")
    assert same.status_code == 422
    chosen = press(http, clerk, f"{where}/columns", column_name="1", column_email="2")
    assert chosen.status_code == 303
    assert states(database) == {"ready": 1}
    assert press(http, clerk, f"{where}/discard").status_code == 303
    assert states(database) == {}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "読み込むファイルを選んでください"),
        (b"\0\1\2", "文字の種類が分かりませんでした"),
        (csv_file([("氏名",), ("=1+1",)]), "2行目に数式があります"),
        (b"a" * (9 * 1024 * 1024), "ファイルが大きすぎて開けません"),
    ],
    ids=["none", "binary", "formula", "large"],
)
def test_what_cannot_be_read_is_told_on_the_page(
    http: TestClient, clerk: SignedIn, data: bytes, told: str
) -> None:
    answer = send(http, clerk, data)
    assert answer.status_code == 422
    assert told in re.sub(r"\s+", " ", answer.text)


def test_p13_lists_stay_with_their_local_government(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    where = send(http, clerk, csv_file(LIST)).headers["location"]
    elsewhere = make_staff(database, KESENNUMA, Role.CLERK)
    assert http.get(where, headers=elsewhere.headers).status_code == 404
    there = where.replace(HIDA, KESENNUMA)
    assert http.get(there, headers=elsewhere.headers).status_code == 404
    viewer = make_staff(database, HIDA, Role.VIEWER)
    assert http.get(where, headers=viewer.headers).status_code == 403


def test_c44_every_step_is_in_the_trail(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    where = send(http, clerk, csv_file(LIST)).headers["location"]
    http.get(where, headers=clerk.headers)
    press(http, clerk, f"{where}/confirm")
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        acts = db.execute(
            select(AuditEvent.action, AuditEvent.row_count)
            .where(AuditEvent.action.startswith("import."))
            .order_by(AuditEvent.at, AuditEvent.id)
        ).all()
    assert sorted(tuple(act) for act in acts) == [
        ("import.confirm", 2), ("import.upload", 6), ("import.view", 6),
    ]  # fmt: skip


class Postbox:
    """Keeps what a real SMTP server was handed; one address takes nothing."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []

    async def handle_RCPT(  # noqa: N802 - the name is the server's
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address.startswith("taro"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: object, _session: object, envelope: Any
    ) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body()
        self.mails.append((mail["To"], "" if body is None else body.get_content()))
        await asyncio.sleep(0)
        return "250 OK"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_r27_the_worker_mails_each_once_and_waits_for_a_mail_server_that_is_away(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn
) -> None:
    where = send(http, clerk, csv_file(LIST)).headers["location"]
    press(http, clerk, f"{where}/confirm")
    port, postbox, texts = free_port(), Postbox(), Texts.load()
    settings = database._settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})

    def tick() -> int:
        with database.transaction(for_job("imports", HIDA)) as db:
            return list_mail.send_letters(
                db, settings=settings, texts=texts, lg_code=HIDA, now=NOW, book=policy_book()
            )

    assert tick() == 0
    assert states(database)["to_mail"] == 2
    server = Controller(postbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        assert tick() == 1
        assert tick() == 0
    finally:
        server.stop()
    assert states(database) == {"asked": 2, "error": 4}
    ((to, text),) = postbox.mails
    assert to == "hanako@example.jp"
    assert "2027年7月1日" in text
    link = re.search(r"/list-invitations/[0-9a-f]{64}", text)
    assert link is not None
    assert http.get(link[0]).status_code == 200
