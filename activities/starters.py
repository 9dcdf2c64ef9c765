"""A beginning for each kind of activity, so that nobody faces an empty form (R09).

The words are what a host in Japan would publish: they are filled into the form and changed there.
The kinds are those of the pilots' examples (registry/data/activities.csv).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Starter:
    """What a form of this kind is filled with.

    Attributes:
        title: What it might be called.
        summary: What people will do.
        bring: What they usually bring and wear.
        hours: How long it usually takes.
    """

    title: str
    summary: str
    bring: str
    hours: int = 3


_OUTSIDE: Final = "動きやすい服、長ぐつ、軍手、飲みもの、タオル"
_INSIDE: Final = "動きやすい服、室内ばき、飲みもの"

STARTERS: Final[Mapping[str, Starter]] = MappingProxyType(
    {
        "agriculture_forestry": Starter(
            "農作業のお手伝い",
            "畑や田んぼ、山の手入れを、地元の人といっしょにします。やり方は、はじめにお教えします。",
            _OUTSIDE,
        ),
        "childcare": Starter(
            "子どもの見守りのお手伝い",
            "子どもたちの遊びや送り迎えを、地元の人といっしょに見守ります。",
            _INSIDE,
        ),
        "commerce": Starter(
            "商店街のお手伝い",
            "催しの準備、飾りつけ、案内、片づけを、お店の人といっしょにします。",
            "動きやすい服、歩きやすいくつ、飲みもの",
        ),
        "culture": Starter(
            "文化行事のお手伝い",
            "会場の準備、受付、案内、片づけをします。地域の文化にもふれられます。",
            _INSIDE,
        ),
        "disaster_prevention": Starter(
            "防災・避難訓練のお手伝い",
            "避難の道を歩いて確かめ、炊き出しや道具の点検を、地元の人といっしょにします。",
            "動きやすい服、歩きやすいくつ、軍手、飲みもの",
        ),
        "education": Starter(
            "学校行事のお手伝い",
            "運動会や文化祭の準備、見守り、片づけを、学校や保護者の人といっしょにします。",
            "動きやすい服、歩きやすいくつ、ぼうし、飲みもの",
        ),
        "environment": Starter(
            "自然をまもる活動",
            "生きものや水辺を調べたり、手入れしたりします。やり方は、はじめにお教えします。",
            _OUTSIDE,
        ),
        "environment_care": Starter(
            "清掃・草刈り",
            "道、川、広場のそうじや草刈りを、地元の人といっしょにします。道具はお貸しします。",
            _OUTSIDE,
            2,
        ),
        "exchange": Starter(
            "交流会の運営のお手伝い",
            "会場の準備、受付、進行、片づけをします。地元の人とゆっくり話す時間もあります。",
            _INSIDE,
        ),
        "festival": Starter(
            "お祭りの準備と運営のお手伝い",
            "会場づくり、みこしや屋台のお手伝い、片づけを、地元の人といっしょにします。",
            "動きやすい服、歩きやすいくつ、飲みもの、タオル",
            5,
        ),
        "international": Starter(
            "国際交流のお手伝い",
            "外国から来た人のくらしや言葉のお手伝い、交流の催しの準備をします。",
            _INSIDE,
        ),
        "neighbourhood": Starter(
            "自治会の活動のお手伝い",
            "集会所の手入れ、回覧や見回りなど、地域のふだんの仕事をいっしょにします。",
            "動きやすい服、歩きやすいくつ、飲みもの",
            2,
        ),
        "safety": Starter(
            "見回り・交通安全のお手伝い",
            "通学路の見守りや地域の見回りを、地元の人といっしょにします。",
            "動きやすい服、歩きやすいくつ、雨具",
            2,
        ),
        "settlement": Starter(
            "移住した人との交流のお手伝い",
            "これから住む人や住みはじめた人の相談会、案内、住まいの準備をお手伝いします。",
            _INSIDE,
        ),
        "tourism": Starter(
            "観光の案内と手入れのお手伝い",
            "道案内、散策路や看板の手入れを、地元の人といっしょにします。",
            "動きやすい服、歩きやすいくつ、ぼうし、飲みもの",
        ),
        "transport": Starter(
            "地域の足のお手伝い",
            "乗り合いや送迎の受付、乗り降りの見守り、停留所の手入れをします。",
            "動きやすい服、歩きやすいくつ、飲みもの",
        ),
        "vacant_houses": Starter(
            "空き家の片づけと手入れ",
            "荷物の整理、そうじ、かんたんな修繕を、地元の人といっしょにします。",
            "よごれてもよい服、軍手、マスク、飲みもの",
        ),
        "welfare": Starter(
            "くらしの支え合いのお手伝い",
            "買い物や話し相手、サロンの準備など、お年寄りのくらしを地元の人とお手伝いします。",
            _INSIDE,
            2,
        ),
    }
)
