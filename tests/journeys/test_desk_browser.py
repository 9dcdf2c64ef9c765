"""A staff member's morning in a real Chromium: today, approvals, the counter, the poster."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.access import Role
from core.db import Database, for_body
from registry.staff import appoint
from tests.factories.desk import Morning, create_morning, create_twins
from tests.factories.figures import TOWN, plant, publication
from tests.factories.registry import GIFU, HIDA, KESENNUMA, NOW, SignedIn, make_operator
from tests.factories.town_files import PLAIN, csv_file
from tests.factories.trials import make_trial
from tests.journeys.conftest import Live, axe_finds_nothing, visiting

pytestmark = pytest.mark.browser
HOME = f"/staff/{HIDA}"
OPERATOR = {
    "operator_state": "/operator",
    "operator_bodies": "/operator/bodies",
    "operator_body": f"/operator/bodies/{HIDA}",
    "signin_body": "/staff/signin/body",
    "operator_keys": "/operator/keys",
    "operator_figures": "/operator/figures",
    "operator_numbers": "/operator/numbers",
    "operator_incident": "/operator/incident",
    "operator_audit": "/operator/audit",
    "told_on_the_phone": "/help",
}
#: Pages with every kind of part, which axe sees at a phone's width as well.
NARROW = {"today", "approvals", "preview", "reception", "member"}
NARROW |= {"calendar", "figures", "open_figures_prefecture", "audit", "told_on_the_phone"}
NARROW |= {"trials", "trial"}
#: Set to a folder to keep a picture of every page.
PICTURES = os.environ.get("FURUSATO_PICTURES")


def sign_in(page: Page, someone: SignedIn, door: str = "/staff") -> None:
    """As people do it: the address, then the code (shown in a rehearsal)."""
    page.goto(f"{door}/signin")
    page.get_by_label("メールアドレス").fill(someone.email)
    page.get_by_role("button", name="番号を送る").click()
    code = page.locator(".notice-title").inner_text()[-8:]
    page.get_by_label("8けたの番号").fill(code)
    page.get_by_role("button", name="サインインする").click()


def keep_picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def paths(morning: Morning) -> dict[str, str]:
    """Every page of the desk of a town, by a name for its picture."""
    return {
        "today": HOME,
        "approvals": f"{HOME}/approvals",
        "preview": f"{HOME}/preview?count=4",
        "readiness": f"{HOME}/readiness",
        "months": f"{HOME}/activities/calendar",
        "activities": f"{HOME}/activities",
        "activity_new": f"{HOME}/activities/new",
        "copying": f"{HOME}/activities/last-year?year=2027",
        "activity": f"{HOME}/activities/{morning.activity.id}",
        "proposal": f"{HOME}/activities/{morning.proposal.id}",
        "reception": f"{HOME}/sessions/{morning.session.id}",
        "poster": f"{HOME}/sessions/{morning.session.id}/poster",
        "organisations": f"{HOME}/organisations",
        "organisation": f"{HOME}/organisations/{morning.organisation.id}",
        "members": f"{HOME}/members",
        "member": f"{HOME}/members/{morning.registration_id}",
        "judgement": f"{HOME}/judgements/{morning.application.judgement_id}",
        "figures": f"{HOME}/figures",
        "figures_prefecture": f"/staff/{GIFU}/figures",
        "open_figures": "/open-data",
        "open_figures_prefecture": f"/open-data?prefecture={GIFU}",
        "open_figures_town": f"/open-data?body={HIDA}",
        "settings": f"{HOME}/settings",
        "audit": f"{HOME}/audit",
        "exports": f"{HOME}/exports?kind=audit",
    }


def test_every_page_is_for_everybody(chromium: Browser, live: Live) -> None:
    """WCAG 2.2 AA as far as a machine sees it, at a desk's width and a phone's, all folds open."""
    morning = create_morning(live.database)
    operator = make_operator(live.database)
    with_figures(live.database, morning)
    with visiting(chromium, live, width=1280, bypass_csp=True) as visitor:
        page = visitor.page
        look_at_sign_in(page)
        sign_in(page, morning.manager)
        look_at(page, {"trials": f"{HOME}/trials", "trial": with_a_trial(live.database)})
        *_, pair = create_twins(live.database)
        look_at(page, paths(morning) | {"duplicate": f"{HOME}/duplicates/{pair}"})
        preview = bring_a_list(page)
        begin_a_requirement(page)
        look_at(
            page,
            {
                "import": preview,
                "requirement": f"{HOME}/settings/requirement?look=yes",
                "confirmations": f"{HOME}/confirmations",
                "imports": f"{HOME}/imports",
            },
        )
        calendar = bring_a_calendar(page, morning.organisation.name)
        look_at(page, {"calendar": calendar, "calendars": f"{HOME}/calendars"})
    with visiting(chromium, live, width=1280, bypass_csp=True) as visitor:
        page = visitor.page
        sign_in(page, operator, "/operator")
        page.goto("/operator/incident")
        page.get_by_label("日本語の文").fill("本人確認が使えません。窓口で登録できます。")
        page.get_by_label("英語の文").fill(
            "The identity check is down. Please register at the counter."
        )
        page.get_by_role("button", name="すべての画面で知らせる").click()
        expect(page.get_by_role("complementary")).to_contain_text("本人確認が使えません")
        look_at(page, OPERATOR)


def begin_a_requirement(page: Page) -> None:
    """R07: a draft with a group in it, made by pressing what the page offers."""
    page.goto(f"{HOME}/settings")
    page.get_by_role("button", name="要件を変える").click()
    page.get_by_text("条件を加える").click()
    page.get_by_label("どんな条件").select_option(label="滞在")
    page.get_by_label("いくつ以上").fill("2")
    page.get_by_role("button", name="加える").click()
    page.get_by_label("指定された活動に参加", exact=True).check()
    page.get_by_label("滞在", exact=True).check()
    page.get_by_text("印をつけた条件を、まとめる・消す").click()
    page.get_by_role("button", name="ひとつのまとまりにする").click()
    expect(page.get_by_text("または、2日以上滞在すること")).to_be_visible()
    page.get_by_role("button", name="もう1人に確認を頼む").click()
    expect(page.get_by_text("ほかの職員の確認を待っています")).to_be_visible()


def bring_a_calendar(page: Page, host: str) -> str:
    """R09: the page of activities leads to it; the preview's address."""
    page.goto(f"{HOME}/activities")
    page.get_by_role("link", name="行事予定の取込み").click()
    rows = [
        ("令和９年度　行事予定表", "", "", "", "", "", ""),
        ("催し", "日付", "時間", "場所", "定員", "主催団体", "分野"),
        (
            "水路の草刈り",
            "７月４日（日）",
            "９時〜１１時半",
            "宮川の堤",
            "２０名",
            host,
            "環境美化",
        ),
        ("雪おろし", "R10.1.16", "13:00-16:00", "旧河合村", "なし", host, "福祉"),
        ("朝市の準備", "9月の第1日曜", "7:00〜9:00", "本町", "", "朝市の会", "商店街"),
    ]
    page.get_by_label("行事予定のファイル").set_input_files(
        {"name": "行事予定.csv", "mimeType": "text/csv", "buffer": csv_file(rows)}
    )
    page.get_by_role("button", name="読み込んで確かめる").click()
    expect(page.get_by_text("2回の開催回を作れます。1行は")).to_be_visible()
    return page.url


def bring_a_list(page: Page) -> str:
    """R27: the members' page leads to it; the preview's address."""
    page.goto(f"{HOME}/members")
    page.get_by_role("link", name="名簿の取込み").click()
    page.get_by_label("名簿のファイル").set_input_files(
        {
            "name": "飛騨ファンクラブ名簿.csv",
            "mimeType": "text/csv",
            "buffer": csv_file(
                [
                    PLAIN,
                    ("１", "見本　花子", "ﾐﾎﾝ ﾊﾅｺ", "ｈａｎａｋｏ@example.jp", "R8.4.1"),
                    ("2", "見本　太郎", "ミホン", "taro@example.jp", "H31/4/30"),
                    ("3", "見本　次郎", "ミホン", "TARO@example.jp", "令和8年4月1日"),
                    ("4", "見本　桜", "ミホン", "sakura.example.jp", ""),
                ]
            ),
        }
    )
    page.get_by_role("button", name="読み込んで確かめる").click()
    expect(page.get_by_text("2人に案内を送れます。2行は")).to_be_visible()
    return page.url


def with_a_trial(database: Database) -> str:
    """R33: the address of a policy that was tried."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return f"{HOME}/trials/{make_trial(db, HIDA)}"


def with_figures(database: Database, morning: Morning) -> None:
    """Four places of a prefecture have counted, one of them few; its manager works for it too."""
    sizes = {HIDA: 1.0, "212032": 3.4, "216046": 0.02, GIFU: 0.3, KESENNUMA: 0.8, "042013": 0.5}
    for code, size in sizes.items():
        plant(
            database,
            code,
            {
                figure: {cell: round(value * size) for cell, value in cells.items()}
                for figure, cells in TOWN.items()
            },
        )
    publication(database)
    with database.transaction(for_body(GIFU, actor="system:test")) as db:
        appoint(
            db,
            actor=make_operator(database).actor,
            lg_code=GIFU,
            account_id=morning.manager.id,
            name="岐阜 花子",
            role=Role.VIEWER,
            now=NOW,
        )


def look_at_sign_in(page: Page) -> None:
    page.goto("/staff/signin")
    axe_finds_nothing(page)
    keep_picture(page, "signin_1280")


def look_at(page: Page, shown: dict[str, str]) -> None:
    """Each page at both widths: nothing to scroll sideways, and nothing for axe to find."""
    for name, path in shown.items():
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            keep_picture(page, f"{name}_{width}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            if width == 1280 or name in NARROW:
                axe_finds_nothing(page)


def test_a_morning_at_the_desk(chromium: Browser, live: Live) -> None:
    """R09, R19: today → approvals → designate → poster → the counter, by two people.

    The second one's browser runs no scripts. No page breaks its own policy.
    """
    morning = create_morning(live.database)
    with visiting(chromium, live, width=1280) as visitor:
        page = visitor.page
        sign_in(page, morning.approver)
        expect(page.get_by_role("heading", level=1)).to_contain_text("2027年6月1日")
        page.get_by_role("link", name="活動の提案").click()
        _designate(page)
        page.get_by_role("link", name="活動", exact=True).click()
        page.get_by_role("link", name=morning.activity.title).click()
        page.get_by_role("link", name="ポスター").last.click()
        expect(page.get_by_role("img", name="参加受付のポスター")).to_be_visible()
        page.goto(f"{HOME}/sessions/{morning.session.id}")
        page.get_by_role("button", name="会場にいました").click()
        expect(page.get_by_role("status")).to_contain_text("髙橋 太郎さんを受付しました")
        page.get_by_role("link", name="名簿を表示する").click()
        page.get_by_role("button", name="来ています").click()
        expect(page.get_by_role("status")).to_contain_text("1人目の確認")
        for name, path in paths(morning).items():
            if name not in {"audit", "figures_prefecture"}:  # for managers, for prefectures
                page.goto(path)
        assert visitor.said == []
    with visiting(chromium, live, width=1280, scripts=False) as visitor:
        page = visitor.page
        sign_in(page, morning.clerk)
        page.goto(f"{HOME}/sessions/{morning.session.id}")
        page.get_by_role("button", name="来ています（2人目の確認）").click()
        expect(page.get_by_role("status")).to_contain_text("山田 花子さんを受付しました")
        bring_a_list(page)
        page.get_by_role("button", name="2人に案内のメールを送る").click()
        expect(page.get_by_role("status")).to_contain_text("同意した人だけが登録されます")
        assert visitor.said == []


def _designate(page: Page) -> None:
    proposals = page.locator("#proposals")
    for question in ("公共性", "地域への貢献", "担い手が足りない", "中身と時間"):
        proposals.get_by_role("checkbox", name=question).check()
    proposals.get_by_role("button", name="指定する", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("指定しました")
