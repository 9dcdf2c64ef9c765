"""The day the story ends: what a visitor of the rehearsal finds waiting and coming up."""

from datetime import timedelta

from app.story.book import Book
from app.story.cast import HIDA, MUNICIPALITIES, YOKOZE
from app.story.gates import scan_self
from app.story.setting import hold, propose

#: Days ahead, begin and end of the sessions that are announced in each town.
COMING = ((2, "09:00", "12:00"), (9, "13:00", "16:00"), (16, "09:00", "11:30"))


def epilogue(book: Book) -> None:
    """Sessions are announced, proposals and an application wait, a poster check-in needs a tap."""
    world, cast = book.world, book.cast
    for number, code in enumerate(MUNICIPALITIES):
        for turn, (days, starts, ends) in enumerate(COMING):
            day = world.today + timedelta(days=days + number % 3)
            hold(
                world,
                cast.towns[code],
                day.isoformat(),
                activity=turn,
                starts=starts,
                ends=ends,
                place=("公民館", "集会所", "道の駅")[turn],
                capacity=(None, 12, 6)[turn],
            )
    hida = cast.towns[HIDA]
    propose(
        world,
        hida,
        "種蔵の石積み棚田の草刈り",
        "agriculture_forestry",
        summary="石積みの棚田の草を刈り、水路の落ち葉をさらいます。はじめての方も歓迎です。",
        bring="長ぐつ、軍手、飲み物",
    )
    propose(world, hida, "古川祭の片付け", "festival", summary="まつりの翌朝、通りを片付けます。")
    today = hold(
        world,
        hida,
        world.today.isoformat(),
        starts="10:00",
        ends="15:00",
        place="古川町公民館",
    )
    world.at(world.today, 10)
    scan_self(world, book.keen[HIDA][5], today.poster_code)
    someone = book.keen[YOKOZE][4]
    world.issue_cards([cast.card(someone)])
    world.show_card(someone)
    book.apply(someone, YOKOZE)
