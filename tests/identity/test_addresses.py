"""R16: the municipality of an address, on the real list of local governments."""

import csv
from importlib import resources

import pytest

from registry.addresses import locate


def _governments() -> list[tuple[str, str, str]]:
    text = resources.files("registry").joinpath("data/local_governments.csv").read_text("utf-8")
    return [
        (row["code"], row["prefecture"], row["name"]) for row in csv.DictReader(text.splitlines())
    ]


GOVERNMENTS = _governments()


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("長野県長野市大字鶴賀緑町1613番地", "202011"),
        ("長野県　長野市　大字鶴賀緑町１６１３番地", "202011"),
        ("東京都千代田区霞が関2-1-2", "131016"),
        ("東京都世田谷区世田谷四丁目21番27号", "131121"),
        ("神奈川県横浜市中区本町6-50-10", "141003"),
        ("北海道札幌市中央区北1条西2丁目", "011002"),
        ("北海道河東郡士幌町字士幌225番地", "016322"),
        ("北海道河東郡上士幌町字上士幌東3線238番地", "016331"),
        ("奈良県大和郡山市北郡山町248-4", "292036"),
        ("兵庫県赤穂郡上郡町大持278", "284815"),
        ("岐阜県郡上市八幡町島谷228番地", "212199"),
        ("福岡県小郡市小郡255-1", "402168"),
        ("三重県四日市市諏訪町1-5", "242021"),
        ("広島県廿日市市下平良一丁目11番1号", "342131"),
        ("石川県野々市市三納一丁目1番地", "172120"),
        ("東京都三宅島三宅村阿古497番地", "133817"),
        ("東京都八丈島八丈町大賀郷2551番地2", "134015"),
        ("鹿児島県大島郡徳之島町亀津7203番地", "465305"),
        ("茨城県龍ヶ崎市3710番地", "082082"),
        ("青森県西津軽郡鯵ケ沢町大字本町209番地2", "023213"),
        ("岐阜県飛驒市古川町本町2番22号", "212172"),
        ("広島県府中市府川町315", "342084"),
        ("東京都府中市宮西町2丁目24番地", "132063"),
        ("横浜市西区みなとみらい1-1", "141003"),
        ("府中市府川町315", None),  # there are two
        ("伊達市梁川町", None),  # there are two
        ("長野県", None),
        ("長野県ながの市", None),
        ("アメリカ合衆国カリフォルニア州", None),
        ("", None),
        ("大字鶴賀 長野県長野市", None),  # not at the beginning
    ],
)
def test_r16_address_belongs_to_one_municipality(address: str, code: str | None) -> None:
    assert locate(address, GOVERNMENTS) == code


def test_r16_every_municipality_is_found_by_its_own_address() -> None:
    """All 1,741, with their prefecture, and with a 郡 before towns and villages."""
    wrong = []
    for code, prefecture, name in GOVERNMENTS:
        if name == prefecture:
            continue
        addresses = [f"{prefecture}{name}大字本町1番地"]
        if name[-1] in "町村":
            addresses.append(f"{prefecture}何何郡{name}1番地")
        wrong += [text for text in addresses if locate(text, GOVERNMENTS) != code]
    assert wrong == []


def test_r01_list_holds_1788_bodies_with_valid_check_digits() -> None:
    codes = [code for code, _, _ in GOVERNMENTS]
    assert len(codes) == len(set(codes)) == 1788
    for code in codes:
        total = sum(
            int(digit) * weight for digit, weight in zip(code, (6, 5, 4, 3, 2), strict=False)
        )
        assert int(code[-1]) == (11 - total % 11) % 10
