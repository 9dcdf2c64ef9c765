"""2028: a requirement raised, a leap day, a silence, renewals, a lapse, a move."""

from datetime import date, timedelta

from app.story.book import Book, night
from app.story.cast import (
    AIZU,
    HIDA,
    IIDA,
    KORIYAMA,
    NAGAOKA,
    YOKOZE,
)
from app.story.gates import attend
from app.story.setting import agree, hold


def raised(book: Book) -> None:
    """R33, example 11: a requirement is raised, with notice."""
    world, cast = book.world, book.cast
    town = cast.towns[KORIYAMA]
    world.at(date(2028, 1, 10), 9)
    harder = {"tree": {"count": 5}, "effective_from": "2028-01-20"}
    early = world.refused(
        "POST", f"/local-governments/{KORIYAMA}/requirement-versions", by=town.manager, body=harder
    )
    agree(world, town, "POST", "requirement-versions", harder | {"effective_from": "2028-03-15"})
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
    notices = world.call("GET", "/me/notices", by=book.named["silent"])["items"]
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


def card_again(book: Book) -> None:
    """R12: the renewed year has begun and asks for the card, with sixty days for it."""
    world, cast = book.world, book.cast
    three = book.named["three"]
    night(book)
    asked = [one["kind"] for one in world.call("GET", "/me/notices", by=three)["items"]]
    world.issue_cards([cast.card(three)])
    book.must(
        truth="identity_recheck_renewal" in asked
        and world.show_card(three, purpose="renewal") == "verified",
        rules="R12",
        what="更新した年のはじめ",
        result="60日のうちにもう一度カードで本人確認",
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
