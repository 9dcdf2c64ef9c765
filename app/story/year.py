"""Eighteen months: campaigns and harvests, three bodies and a fourth, a lapse, a silence, a return."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from app.story.cast import (
    AIZU,
    GIFU,
    HIDA,
    IIDA,
    KESENNUMA,
    KORIYAMA,
    LAST_DAY,
    MUNICIPALITIES,
    NAGANO,
    NAGANO_PREFECTURE,
    NAGAOKA,
    YOKOZE,
    Cast,
    Session,
    enrol,
    join,
)
from app.story.gates import attend, paper_card, scan_card, scan_self, upload, venue_code
from app.story.setting import hold
from app.story.world import Someone, StoryError, World

#: Who comes to a session of a town besides those the chapters name, at most.
USUAL = 5


@dataclass(slots=True)
class Book:
    """What the chapters need to remember, and the lines of the table printed at the end."""

    world: World
    cast: Cast
    keen: dict[str, list[Someone]] = field(default_factory=dict)
    named: dict[str, Someone] = field(default_factory=dict)
    lines: list[tuple[date, str, str, str]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def tell(self, rules: str, what: str, result: str) -> None:
        """A line of the table."""
        self.lines.append((self.world.today, rules, what, result))

    def must(self, *, truth: bool, rules: str, what: str, result: str) -> None:
        """A line that has to be so.

        Raises:
            StoryError: It is not.
        """
        if not truth:
            raise StoryError(f"{self.world.today} {rules}: {what}: {result}")
        self.tell(rules, what, result)

    def registration(self, someone: Someone, town: str) -> dict[str, Any]:
        """Somebody's registration as they see it."""
        found: dict[str, Any] = self.world.call("GET", f"/me/registrations/{town}", by=someone)
        return found

    def towns_of(self, someone: Someone) -> dict[str, dict[str, Any]]:
        """All of somebody's living registrations by code."""
        found = self.world.call("GET", "/me/registrations", by=someone)["registrations"]
        return {one["lg_code"]: one for one in found if one["status"] == "active"}

    def newcomer(self, *towns: str, residence: str | None = None, **more: Any) -> Someone:
        """A new person, registered with these towns."""
        someone = self.cast.person(residence=residence, **more)
        enrol(self.world, someone)
        for town in towns:
            join(self.world, someone, town)
        return someone

    def three_days(self, town: str, first: date, people: list[Someone]) -> int:
        """A harvest of three consecutive days; how many presences counted."""
        counted = 0
        for offset in range(3):
            day = first + timedelta(days=offset)
            self.world.at(day, 8)
            session = hold(self.world, self.cast.towns[town], day.isoformat(), place="段々畑")
            self.world.at(day, 9)
            counted += attend(self.world, self.cast, session, people)
        return counted

    def apply(self, someone: Someone, town: str, **more: Any) -> dict[str, Any]:
        """Hold the card and apply for premium."""
        found: dict[str, Any] = self.world.call(
            "POST", f"/me/registrations/{town}/application", by=someone, body=more
        )
        return found


Chapter = Callable[[Book], None]


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
    crowd(book, {HIDA: 34, KESENNUMA: 30, YOKOZE: 18, KORIYAMA: 24, AIZU: 14})
    crowd(book, {NAGAOKA: 16, IIDA: 24, NAGANO: 10})
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
    missing = world.refused("POST", f"/me/registrations/{HIDA}/application", by=three, body={})
    world.tally["premium_refused"] += 1
    book.must(
        truth=missing["problems"][0]["rule"] == "R12" and world.show_card(three) == "verified",
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
        f"/local-governments/{YOKOZE}/applications/{inbox['applications'][0]['id']}/approve",
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
    fourth = world.refused("POST", f"/me/registrations/{KORIYAMA}/application", by=three, body={})
    world.tally["premium_refused"] += 1
    cap = next(one for one in fourth["problems"] if one["rule"] == "R13")
    book.must(
        truth=len(cap["names"]) == 3,
        rules="R13 例3",
        what="4団体目の郡山市",
        result="3団体の名と、入れ替えの方法を伝えて断る",
    )
    for town in (HIDA, KESENNUMA, YOKOZE):
        for someone in book.keen[town][:3]:
            world.issue_cards([cast.card(someone)])
            world.show_card(someone)
            grant(book, someone, town)


def grant(book: Book, someone: Someone, town: str) -> None:
    """Apply where the requirement is met; what mode decides when."""
    answer = book.world.call(
        "POST",
        f"/me/registrations/{town}/application",
        by=someone,
        body={},
        ok=frozenset({201, 409}),
    )
    if "problems" in answer:
        book.world.tally["premium_refused"] += 1


def nagano(book: Book) -> None:
    """R13, R16, R17, examples 4 and 5: living in 長野市, joining 飯田市; a prefecture held directly."""
    world, cast = book.world, book.cast
    local = book.named["nagano"] = book.newcomer(NAGANO, IIDA, residence=NAGANO)
    far = book.named["prefecture"] = book.newcomer(IIDA, NAGANO_PREFECTURE)
    world.issue_cards([cast.card(local), cast.card(far)])
    counted = book.three_days(IIDA, date(2027, 7, 10), [local, far])
    for someone in (local, far):
        world.show_card(someone)
    at_home = world.refused("POST", f"/me/registrations/{NAGANO}/application", by=local, body={})
    world.tally["premium_refused"] += 1
    next_door = book.apply(local, IIDA)["state"]
    towns = book.towns_of(local)
    book.must(
        truth=counted == 6
        and at_home["problems"][0]["rule"] == "R16"
        and next_door == "granted"
        and towns[NAGANO_PREFECTURE]["tier"] == "basic",
        rules="R16 例5",
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
        invite(book, minor, guardian, "basic")
        join(world, minor, AIZU)
    both = [book.named["minor"], book.named["withdrawn"]]
    book.three_days(AIZU, date(2027, 8, 12), both)
    for minor in both:
        world.show_card(minor)
        waiting = world.call(
            "POST",
            f"/me/registrations/{AIZU}/application",
            by=minor,
            body={},
            ok=frozenset({201, 409}),
        )
        told = waiting.get("state") == "waiting" or any(
            one["rule"] == "R18" for one in waiting.get("problems", [])
        )
        book.must(
            truth=told, rules="R18 例9", what="17歳の申請", result="保護者の同意を待つと伝える"
        )
    for key in ("minor", "withdrawn"):
        minor, guardian = book.named[key], book.named[f"{key}_guardian"]
        consent = invite(book, minor, guardian, "premium")
        world.show_card(guardian, purpose="guardian", guardianship_id=consent)
        found = book.registration(minor, AIZU)
        if found["tier"] != "premium":
            grant(book, minor, AIZU)
            found = book.registration(minor, AIZU)
        book.must(
            truth=found["tier"] == "premium",
            rules="R18 例9",
            what="保護者が自分のカードで同意",
            result="会津若松市で認定",
        )
        book.named[f"{key}_consent"] = Someone(email=consent)
    guardian = book.named["withdrawn_guardian"]
    consent = book.named["withdrawn_consent"].email
    world.call("POST", f"/me/guardianships/{consent}/withdraw", by=guardian)
    book.must(
        truth=book.registration(book.named["withdrawn"], AIZU)["tier"] == "basic",
        rules="R18 例9",
        what="保護者が同意を取り下げ",
        result="ベーシックに戻る（消えない）",
    )


def invite(book: Book, minor: Someone, guardian: Someone, scope: str) -> str:
    """A minor asks a guardian, who opens the mailed link; the consent's id."""
    from app.mailcatcher import messages

    world = book.world
    asked = world.call(
        "POST", "/me/guardianships", by=minor, body={"contact": guardian.email, "scope": scope}
    )
    mail = messages(world.stack.mail_dir, to=guardian.email)[-1]
    token = invitation_token(mail.text)
    world.call("POST", f"/guardian-invitations/{token}/confirm", by=guardian, body={})
    return str(asked["id"])


def invitation_token(text: str) -> str:
    """The token at the end of the link in a guardian's mail."""
    link = next(word for word in text.split() if "/guardian" in word)
    return link.rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def autumn(book: Book) -> None:
    """R10, R19, C18–C26, C33: no signal in the hills, a waiting line, many hands."""
    world, cast = book.world, book.cast
    day = date(2027, 10, 9)
    world.at(day, 8)
    hills = hold(world, cast.towns[NAGAOKA], day.isoformat(), place="山古志 種苧原")
    walkers = book.keen[NAGAOKA][:6]
    cards = [paper_card(world, someone, NAGAOKA) for someone in walkers]
    world.at(day, 9, 5)
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
    states = [
        world.call("POST", "/me/sign-ups", by=one, body={"lg_code": IIDA, "session_id": small.id})[
            "state"
        ]
        for one in line
    ]
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


def raised(book: Book) -> None:
    """R33, example 11: a requirement is raised, with notice."""
    world, cast = book.world, book.cast
    manager = cast.towns[KORIYAMA].manager
    world.at(date(2028, 1, 10), 9)
    harder = {"tree": {"count": 5}, "effective_from": "2028-01-20"}
    early = world.refused(
        "POST", f"/local-governments/{KORIYAMA}/requirement-versions", by=manager, body=harder
    )
    world.call(
        "POST",
        f"/local-governments/{KORIYAMA}/requirement-versions",
        by=manager,
        body=harder | {"effective_from": "2028-03-15"},
    )
    book.must(
        truth=early["problems"][0]["rule"] == "R33",
        rules="R33 例11",
        what="郡山市が要件を3回から5回へ",
        result="60日前の予告が要る、3月15日から",
    )


def leap_day(book: Book) -> None:
    """R14, example 6: a term that begins on 29 February."""
    world, cast = book.world, book.cast
    world.at(date(2028, 2, 25), 9)
    leap = book.named["leap"] = book.newcomer(HIDA)
    world.issue_cards([cast.card(leap)])
    book.three_days(HIDA, date(2028, 2, 26), [leap])
    world.at(date(2028, 2, 29), 10)
    world.show_card(leap)
    book.apply(leap, HIDA)
    term = world.call("GET", f"/me/registrations/{HIDA}/premium", by=leap)["term"]
    book.must(
        truth=(term["first_day"], term["last_day"]) == ("2028-02-29", "2029-02-28"),
        rules="R14 例6",
        what="2028年2月29日に認定",
        result="2029年2月28日まで",
    )


def favoured(book: Book) -> None:
    """R33, example 11: whoever applies within 90 days of the change gets the better of the two."""
    world, cast = book.world, book.cast
    world.at(date(2028, 3, 31), 9)
    later = book.named["favoured"] = book.newcomer(KORIYAMA)
    world.issue_cards([cast.card(later)])
    book.three_days(KORIYAMA, date(2028, 4, 1), [later])
    world.show_card(later)
    book.must(
        truth=book.apply(later, KORIYAMA)["state"] == "granted",
        rules="R33 例11",
        what="要件が上がって90日以内の申請（3回）",
        result="本人に有利な前の要件で認定",
    )


def asked(book: Book) -> None:
    """R06: a night on which silent registrations are asked."""
    night(book)


def kept(book: Book) -> None:
    """R06, example 8: nobody opens 長岡市's page for a year; one of them taps "keep"."""
    world = book.world
    night(book)
    world.call("POST", f"/me/registrations/{NAGAOKA}/keep", by=book.named["keeping"])
    world.tally["kept"] += 1


def released(book: Book) -> None:
    """R06, example 8: asked three times, the silent ones are released without any staff action."""
    world = book.world
    night(book)
    notices = world.call("GET", "/me/notices", by=book.named["silent"])["notices"]
    number = sum(one["kind"].startswith("dormancy") for one in notices)
    gone = [
        book.registration(book.named[key], NAGAOKA)["status"]
        for key in ("silent", "keeping", "returning")
    ]
    book.must(
        truth=number >= 3 and gone == ["released_dormant", "active", "released_dormant"],
        rules="R06 例8",
        what="1年だれも開かない登録",
        result="60・30・7日前にたずね、返事がなければ自動で解除",
    )


def restored(book: Book) -> None:
    """R06, example 8: a month later, one tap brings a registration back."""
    world = book.world
    world.call("POST", f"/me/registrations/{NAGAOKA}/restore", by=book.named["returning"])
    world.tally["restored"] += 1
    book.must(
        truth=book.registration(book.named["returning"], NAGAOKA)["status"] == "active",
        rules="R06 例8",
        what="解除から1か月後に「戻す」",
        result="ひと押しで元どおり",
    )


def second_summer(book: Book) -> None:
    """R14, example 6: the same hands again, some three times, one twice."""
    world, cast = book.world, book.cast
    three = book.named["three"]
    lapsing = book.keen[HIDA][0]
    book.three_days(HIDA, date(2028, 5, 13), [three, *book.keen[HIDA][1:3]])
    for offset in range(2):
        day = date(2028, 5, 20) + timedelta(days=offset)
        world.at(day, 8)
        session = hold(world, cast.towns[HIDA], day.isoformat(), place="瀬戸川")
        world.at(day, 9)
        attend(world, cast, session, [lapsing])
    book.three_days(YOKOZE, date(2028, 5, 27), [three, *book.keen[YOKOZE][:3]])


def renewal(book: Book) -> None:
    """R14, example 6: who came three times is renewed by itself; who came twice gets grace."""
    world = book.world
    three, lapsing = book.named["three"], book.keen[HIDA][0]
    night(book)
    renewed = world.call("GET", f"/me/registrations/{HIDA}/premium", by=three)["term"]
    book.must(
        truth=renewed is not None and renewed["last_day"] >= "2029-06-01",
        rules="R14 例6",
        what="3回来た人の更新（auto）",
        result=f"だれの手もかけずに {renewed and renewed['last_day']} まで",
    )
    found = world.call("GET", f"/me/registrations/{HIDA}/premium", by=lapsing)["term"]
    book.must(
        truth=found is not None and found["state"] == "grace",
        rules="R14 例6",
        what="2回の人",
        result="30日の猶予",
    )


def lapse(book: Book) -> None:
    """R14, R18: the grace ends; a birthday has passed."""
    lapsing = book.keen[HIDA][0]
    night(book)
    book.must(
        truth=book.registration(lapsing, HIDA)["tier"] == "basic",
        rules="R14 例6",
        what="猶予のあいだに3回目がなかった",
        result="ベーシックに戻る（消えない）",
    )
    adult = book.registration(book.named["minor"], AIZU)
    book.must(
        truth=adult["tier"] in {"premium", "basic"} and adult["status"] == "active",
        rules="R18",
        what="2028年2月1日に18歳",
        result="同意は終わり、登録はそのまま",
    )


def moving(book: Book) -> None:
    """R16: a premium holder moves into the town; premium ends, the basic registration stays."""
    world, cast = book.world, book.cast
    mover = book.named["prefecture"]
    mover.residence = IIDA
    world.at(date(2028, 8, 21), 9)
    world.issue_cards([cast.card(mover)])
    world.show_card(mover, purpose="renewal")
    found = book.registration(mover, IIDA)
    book.must(
        truth=(found["tier"], found["status"]) == ("basic", "active"),
        rules="R16",
        what="プレミアムの人が飯田市に転入",
        result="プレミアムは終わり、ベーシックは残る",
    )


def month(book: Book) -> None:
    """An ordinary month: one Saturday, a session in every town, the usual people."""
    world, cast = book.world, book.cast
    saturday = world.today
    night(book)
    sessions: list[Session] = [
        hold(
            world,
            cast.towns[town],
            saturday.isoformat(),
            activity=saturday.month,
            place="集会所",
            starts="13:00",
            ends="16:00",
        )
        for town in MUNICIPALITIES
    ]
    world.at(saturday, 13)
    for session in sessions:
        keen = book.keen[session.town]
        draw = Random(f"{session.town}{saturday}")  # noqa: S311 (a story, not a secret)
        reach = keen[4 : 4 + max(USUAL, len(keen) // 2)]
        attend(world, cast, session, draw.sample(reach, min(USUAL, len(reach))))


def night(book: Book) -> None:
    """Let the workers catch up with all nights until now."""
    book.world.nights_pass()


def months() -> Iterator[date]:
    """First days of the months after the opening."""
    day = date(2027, 5, 1)
    while day <= LAST_DAY:
        yield day
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)


#: Everything that happens, each on its day; ordinary Saturdays fill the months between.
EVENTS: tuple[tuple[date, Chapter], ...] = (
    (date(2027, 5, 8), doors),
    (date(2027, 6, 4), summer),
    (date(2027, 7, 9), nagano),
    (date(2027, 8, 11), young),
    (date(2027, 10, 8), autumn),
    (date(2028, 1, 10), raised),
    (date(2028, 2, 1), asked),
    (date(2028, 2, 25), leap_day),
    (date(2028, 3, 2), asked),
    (date(2028, 3, 25), kept),
    (date(2028, 3, 31), favoured),
    (date(2028, 4, 8), released),
    (date(2028, 5, 6), restored),
    (date(2028, 5, 12), second_summer),
    (date(2028, 7, 5), renewal),
    (date(2028, 8, 10), lapse),
    (date(2028, 8, 21), moving),
)
#: Months whose Saturdays belong to a chapter.
BUSY = frozenset({(2027, 6), (2027, 7), (2028, 5)})


def calendar() -> Iterator[tuple[date, Chapter]]:
    """All days with something to do, in order."""
    ordinary = [
        (third_saturday(first), month)
        for first in months()
        if (first.year, first.month) not in BUSY and third_saturday(first) <= LAST_DAY
    ]
    yield from sorted([*EVENTS, *ordinary], key=lambda one: one[0])


def third_saturday(first: date) -> date:
    """The third Saturday of a month."""
    return first + timedelta(days=(5 - first.weekday()) % 7 + 14)
