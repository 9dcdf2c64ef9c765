"""2027: people register, prove presence, become premium; in the hills there is no signal."""

from datetime import date, timedelta

from app.story.book import Book, night
from app.story.cast import (
    AIZU,
    GIFU,
    HIDA,
    IIDA,
    KESENNUMA,
    KORIYAMA,
    NAGANO,
    NAGANO_PREFECTURE,
    NAGAOKA,
    YOKOZE,
    enrol,
    invite,
    join,
)
from app.story.gates import paper_card, scan_card, scan_self, upload, venue_code
from app.story.setting import enrol_device, hold
from app.story.world import Someone


def crowd(book: Book, towns: dict[str, int]) -> None:
    """People register with the towns they care for (R03, R04, R05)."""
    for town, number in towns.items():
        for _ in range(number):
            someone = book.newcomer(town)
            book.keen.setdefault(town, []).append(someone)


def opening(book: Book) -> None:
    """R02, example 2: the prefecture appears too, goes on opting out, and stays when direct."""
    world = book.world
    someone = book.named["opting"] = book.newcomer(HIDA)
    both = book.towns_of(someone)
    book.must(
        truth=both[GIFU]["derived"] and not both[GIFU]["direct"],
        rules="R02",
        what="飛騨市に登録",
        result="岐阜県も derived で登録",
    )
    world.call("PUT", f"/me/registrations/{HIDA}/link", by=someone, body={"linked": False})
    book.must(
        truth=set(book.towns_of(someone)) == {HIDA},
        rules="R02",
        what="県との連動を解除",
        result="岐阜県だけが外れた",
    )
    world.call("PUT", f"/me/registrations/{HIDA}/link", by=someone, body={"linked": True})
    join(world, someone, GIFU)
    world.call("DELETE", f"/me/registrations/{HIDA}", by=someone)
    left = book.towns_of(someone)
    book.must(
        truth=set(left) == {GIFU} and left[GIFU]["direct"] and not left[GIFU]["derived"],
        rules="R02",
        what="直接登録のあと飛騨市を解除",
        result="岐阜県は direct で残る",
    )
    crowd(book, {HIDA: 58, KESENNUMA: 50, YOKOZE: 30, KORIYAMA: 46, AIZU: 26})
    crowd(book, {NAGAOKA: 30, IIDA: 42, NAGANO: 18})
    book.named["silent"] = book.newcomer(NAGAOKA)
    book.named["keeping"] = book.newcomer(NAGAOKA)
    book.named["returning"] = book.newcomer(NAGAOKA)
    book.tell("R03 R04 R05", "春の呼びかけ", f"{len(book.cast.crowd)}人が登録")


def doors(book: Book) -> None:
    """R19, example 12, C2, C7, C12: what counts and what does not at the first session."""
    world, cast = book.world, book.cast
    day = date(2027, 5, 8)
    world.at(day, 8)
    session = hold(world, cast.towns[HIDA], day.isoformat())
    world.at(day, 9)
    someone, town = book.keen[HIDA][0], cast.towns[HIDA]
    enrol_device(world, town)
    code = venue_code(world, cast, session)
    first = scan_self(world, someone, code)
    again = scan_self(world, someone, code, scan_id=first["scan_id"])
    world.tally["scan_accepted"] -= 1
    book.must(
        truth=first["counted"] and again["repeated"] and again["counted"],
        rules="R19 C2",
        what="返事が届かず、もう一度送る",
        result="最初の返事がそのまま返る",
    )
    double = scan_self(world, someone, code)
    card = paper_card(world, book.keen[HIDA][1], HIDA)
    lost = paper_card(world, book.keen[HIDA][1], HIDA)
    old = scan_card(world, cast, session, card)
    paper = scan_card(world, cast, session, lost)
    book.must(
        truth=double["outcome"] == "already"
        and old["reason"] == "revoked_card"
        and paper["counted"],
        rules="R19 C12",
        what="電話をなくし、紙の登録証を再発行",
        result="新しい紙で受付、前の紙は無効",
    )
    wrong_clock = scan_card(world, cast, session, lost, offset_ms=40 * 60_000)
    world.at(day, 10, 5)
    photograph = scan_self(world, book.keen[HIDA][2], code)
    altered = scan_card(world, cast, session, lost[:-4] + "0000")
    book.must(
        truth=[one["reason"] for one in (wrong_clock, photograph)]
        == ["scanner_clock_wrong", "wrong_time_step"]
        and altered["outcome"] == "refused",
        rules="R19 例12",
        what="40分ずれた時計、1時間後の写真、書き換えた符号",
        result="どれも数えず、理由を記録",
    )
    poster = scan_self(world, book.keen[HIDA][3], session.poster_code)
    tapped = world.call(
        "POST",
        f"/local-governments/{HIDA}/sessions/{session.id}/check-ins",
        by=town.organiser,
        body={
            "scan_id": first["scan_id"],
            "person_id": book.keen[HIDA][3].id,
            "walk_in_confirmed": True,
        },
    )
    vouched = world.call(
        "POST",
        f"/local-governments/{HIDA}/sessions/{session.id}/check-ins",
        by=town.manager,
        body={
            "scan_id": first["scan_id"],
            "person_id": book.keen[HIDA][3].id,
            "walk_in_confirmed": True,
        },
    )
    world.tally[f"scan_{vouched['outcome']}"] += 1
    book.must(
        truth=poster["reason"] == "second_factor"
        and tapped["reason"] == "second_approval"
        and vouched["counted"],
        rules="R19",
        what="ポスターだけでは足りず、名簿を2人で確認",
        result="2人目の確認で受付",
    )


def summer(book: Book) -> None:
    """R08, R13, R14, R15, examples 1 and 3: three harvests, three bodies, three ways to decide."""
    world, cast = book.world, book.cast
    three = book.named["three"] = book.newcomer(HIDA, KESENNUMA, YOKOZE, KORIYAMA)
    world.issue_cards([cast.card(three)])
    for town, first in ((HIDA, 5), (KESENNUMA, 12), (YOKOZE, 19), (KORIYAMA, 26)):
        counted = book.three_days(town, date(2027, 6, first), [three, *book.keen[town][:3]])
        book.must(
            truth=counted >= 3,
            rules="R08 例1",
            what=f"{cast.towns[town].name}の3日続きの作業",
            result="3日で3回",
        )
    missing = book.refusal(three, HIDA)
    book.must(
        truth=missing["reasons"][0]["rule"] == "R12" and world.show_card(three) == "verified",
        rules="R12",
        what="マイナンバーカードをかざす前の申請",
        result="理由とともに待ってもらい、本人確認ができた",
    )
    book.must(
        truth=book.apply(three, HIDA)["state"] == "granted",
        rules="R07 R15",
        what="飛騨市（auto）に申請",
        result="その場で認定",
    )
    veto = book.apply(three, KESENNUMA)
    review = book.apply(three, YOKOZE)
    book.must(
        truth=(veto["state"], review["state"]) == ("veto", "review"),
        rules="R15",
        what="気仙沼市（veto）と横瀬町（review）に申請",
        result="72時間の異議待ち／職員の確認待ち",
    )
    inbox = world.call(
        "GET", f"/local-governments/{YOKOZE}/applications", by=cast.towns[YOKOZE].manager
    )
    world.call(
        "POST",
        f"/local-governments/{YOKOZE}/applications/{inbox['items'][0]['id']}/approve",
        by=cast.towns[YOKOZE].manager,
    )
    world.at(date(2027, 7, 4), 9)
    night(book)

    def premium() -> set[str]:
        held = book.towns_of(three)
        return {code for code, one in held.items() if one["tier"] == "premium"}

    book.must(
        truth=world.eventually(lambda: {HIDA, KESENNUMA, YOKOZE} <= premium())
        and len(premium()) == 6,
        rules="R13 例3",
        what="3団体と、それぞれの県",
        result="プレミアムは3団体（県は数えない）",
    )
    fourth = book.refusal(three, KORIYAMA)
    cap = next(one for one in fourth["reasons"] if one["rule"] == "R13")
    book.must(
        truth=len(cap["names"]) == 3,
        rules="R13 例3",
        what="4団体目の郡山市",
        result="3団体の名と、入れ替えの方法を伝えて断る",
    )
    exchanged = book.apply(three, KORIYAMA, replaces_lg_code=YOKOZE)["state"]
    book.must(
        truth=exchanged == "granted"
        and premium() & {HIDA, KESENNUMA, YOKOZE, KORIYAMA} == {HIDA, KESENNUMA, KORIYAMA},
        rules="R13 例3",
        what="横瀬町と入れ替えて郡山市に申請",
        result="ひとつの取引で入れ替わり、横瀬町はベーシックに",
    )
    for town in (HIDA, KESENNUMA, YOKOZE):
        for someone in book.keen[town][:3]:
            world.issue_cards([cast.card(someone)])
            world.show_card(someone)
            book.apply(someone, town)


def nagano(book: Book) -> None:
    """R13, R16, R17, examples 4 and 5: living in 長野市, joining 飯田市; a prefecture held directly."""
    world, cast = book.world, book.cast
    local = book.named["nagano"] = book.newcomer(NAGANO, IIDA, residence=NAGANO)
    far = book.named["prefecture"] = book.newcomer(IIDA, NAGANO_PREFECTURE)
    world.issue_cards([cast.card(local), cast.card(far)])
    counted = book.three_days(IIDA, date(2027, 7, 10), [local, far])
    for someone in (local, far):
        world.show_card(someone)
    at_home = book.refusal(local, NAGANO)
    next_door = book.apply(local, IIDA)["state"]
    towns = book.towns_of(local)
    book.must(
        truth=counted == 6
        and at_home["reasons"][0]["rule"] == "R16"
        and next_door == "granted"
        and towns[NAGANO_PREFECTURE]["tier"] == "basic",
        rules="R16 R17 例5",
        what="長野市に住む人が長野市と飯田市に",
        result="長野市は断り、飯田市は認定、県は basic のまま数えない",
    )
    book.apply(far, IIDA)
    towns = book.towns_of(far)
    book.must(
        truth=towns[IIDA]["tier"] == "premium" and towns[NAGANO_PREFECTURE]["direct"],
        rules="R13 例4",
        what="長野県に直接登録した人が飯田市でプレミアム",
        result="県は3団体に数えない",
    )
    place = world.call(
        "POST",
        f"/local-governments/{IIDA}/stay-places",
        by=cast.towns[IIDA].manager,
        body={"name": "市立図書館", "kind": "library"},
    )
    for offset in range(7):
        world.at(date(2027, 8, 2) + timedelta(days=offset), 13)
        world.call("POST", "/me/stay-days", by=far, body={"poster_code": place["poster_code"]})
    state = world.call("GET", f"/me/registrations/{IIDA}/premium", by=far)
    book.must(
        truth=state["stay_days"] >= 10,
        rules="R11",
        what="飯田市で年10日滞在",
        result=f"滞在日 {state['stay_days']}日で長期滞在",
    )


def young(book: Book) -> None:
    """R18, example 9: seventeen, the guardian's verified consent, its withdrawal, the birthday."""
    world, cast = book.world, book.cast
    world.at(date(2027, 8, 11), 9)
    for key in ("minor", "withdrawn"):
        guardian = book.named[f"{key}_guardian"] = cast.person()
        minor = book.named[key] = cast.person(born=date(2010, 2, 1), residence=guardian.residence)
        world.issue_cards([cast.card(guardian), cast.card(minor)])
        enrol(world, guardian)
        enrol(world, minor)
        invite(world, minor, guardian, "basic")
        join(world, minor, AIZU)
    both = [book.named["minor"], book.named["withdrawn"]]
    book.three_days(AIZU, date(2027, 8, 12), both)
    for minor in both:
        world.show_card(minor)
    states = {book.apply(minor, AIZU)["state"] for minor in both}
    book.must(
        truth=states == {"waiting"},
        rules="R18 例9",
        what="17歳の2人が申請",
        result="保護者の同意を待つと伝える",
    )
    tiers = set()
    for key in ("minor", "withdrawn"):
        minor, guardian = book.named[key], book.named[f"{key}_guardian"]
        consent = invite(world, minor, guardian, "premium")
        world.show_card(guardian, purpose="guardian", guardianship_id=consent)
        tiers.add(book.registration(minor, AIZU)["tier"])
        book.named[f"{key}_consent"] = Someone(email=consent)
    book.must(
        truth=tiers == {"premium"},
        rules="R18 例9",
        what="保護者がそれぞれ自分のカードで同意",
        result="会津若松市で認定",
    )
    guardian = book.named["withdrawn_guardian"]
    consent = book.named["withdrawn_consent"].email
    world.call("POST", f"/me/guardianships/{consent}/withdraw", by=guardian)
    book.must(
        truth=book.registration(book.named["withdrawn"], AIZU)["tier"] == "basic",
        rules="R18 例9",
        what="保護者が同意を取り下げ",
        result="ベーシックに戻る（消えない）",
    )


def autumn(book: Book) -> None:
    """R10, R19, C18–C26, C33: no signal in the hills, a waiting line, many hands."""
    world, cast = book.world, book.cast
    day = date(2027, 10, 9)
    world.at(day, 8)
    hills = hold(world, cast.towns[NAGAOKA], day.isoformat(), place="山古志 種苧原")
    walkers = book.keen[NAGAOKA][:6]
    cards = [paper_card(world, someone, NAGAOKA) for someone in walkers]
    world.at(day, 9, 5)
    enrol_device(world, cast.towns[hills.town])
    made_at = world.now
    world.at(day + timedelta(days=1), 18)
    answers = upload(world, cast, hills, [*cards, cards[0]], made_at)
    book.must(
        truth=[one["counted"] for one in answers] == [True] * 6 + [False],
        rules="R19 C19",
        what="電波のない山で受付し、翌日に送信",
        result="6人を1回ずつ、当日の日付で",
    )
    small = hold(
        world, cast.towns[IIDA], "2027-10-23", place="りんご園", capacity=2, starts="09:00"
    )
    line = book.keen[IIDA][:4]
    states = []
    for minute, one in enumerate(line, start=1):
        world.at(day + timedelta(days=1), 18, minute)
        body = {"lg_code": IIDA, "session_id": small.id}
        states.append(world.call("POST", "/me/sign-ups", by=one, body=body)["state"])
    world.call("DELETE", f"/me/sign-ups/{IIDA}/{small.id}", by=line[0])
    world.at(day + timedelta(days=2), 9)
    night(book)

    def offered() -> bool:
        mine = world.call("GET", "/me/sign-ups", by=line[2])["items"]
        return any(one["state"] == "offered" for one in mine)

    came = world.eventually(offered)
    world.call("POST", f"/me/sign-ups/{IIDA}/{small.id}/acceptance", by=line[2])
    book.must(
        truth=states == ["taken", "taken", "waiting", "waiting"] and came,
        rules="R19 C33",
        what="定員2の畑に4人、1人が辞退",
        result="待っていた人に順番に席を案内",
    )
