"""The open data of the figures, and the dictionary that describes it."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from reporting.definitions import Figure
from reporting.reading import Counts, OpenRow, cell_words

Level = Literal["body", "prefecture", "nation"]


class WordsOut(BaseModel):
    """A text in Japanese and in English."""

    ja: str
    en: str


class CellWordsOut(WordsOut):
    """A part of a figure."""

    cell: str


class FigureOut(BaseModel):
    """One figure, as it is defined: what is counted, from what, and how it is published."""

    name: str = Field(examples=["registrations"])
    title: WordsOut
    meaning: WordsOut
    unit: WordsOut
    source: list[str] = Field(description="Tables it is counted from", examples=[["registration"]])
    cells: list[CellWordsOut] | None = Field(
        description="Its parts; null: made by the data (`origin`: codes of prefectures and"
        " `unknown`; `cohorts`: `year/stage`)"
    )
    suppression: str = Field(description="How small numbers are hidden")
    query: str = Field(description="The statement that counts it for one local government")

    @classmethod
    def of(cls, figure: Figure, least: int) -> Self:
        """From the definition."""
        cells = figure.cells
        return cls(
            name=figure.name,
            title=WordsOut(ja=figure.title.ja, en=figure.title.en),
            meaning=WordsOut(ja=figure.meaning.ja, en=figure.meaning.en),
            unit=WordsOut(ja=figure.unit.ja, en=figure.unit.en),
            source=list(figure.source),
            cells=None
            if cells is None
            else [CellWordsOut(cell=key, ja=said.ja, en=said.en) for key, said in cells.items()],
            suppression=f"1 to {least - 1} hidden, with other cells as needed, so that no hidden"
            " cell can be reckoned from the others",
            query=figure.sql,
        )


class OpenValueOut(BaseModel):
    """One published cell."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "day": "2027-06-01",
                    "level": "body",
                    "code": "212172",
                    "name": "飛騨市",
                    "prefecture": "岐阜県",
                    "figure": "registrations",
                    "cell": "total",
                    "value": 1204,
                    "is_hidden": False,
                }
            ]
        }
    )

    day: date = Field(description="Counted in the night before this Japanese day")
    level: Level
    code: str = Field(description="全国地方公共団体コード; `000000` is the nation")
    name: str
    prefecture: str
    figure: str
    cell: str
    value: int | None = Field(description="null: hidden")
    is_hidden: bool

    @classmethod
    def of(cls, row: OpenRow) -> Self:
        """From the published row."""
        return cls(
            day=row.day,
            level=row.level,
            code=row.code,
            name=row.name,
            prefecture=row.prefecture,
            figure=row.figure,
            cell=row.cell,
            value=row.value,
            is_hidden=row.value is None,
        )


class OwnCellOut(CellWordsOut):
    """A part of a figure with its value, as counted."""

    value: int


class OwnFigureOut(BaseModel):
    """One figure of one local government, with what it means."""

    name: str = Field(examples=["registrations"])
    day: date | None = Field(description="Counted in the night before this day; null: not yet")
    title: WordsOut
    meaning: WordsOut
    unit: WordsOut
    cells: list[OwnCellOut] = Field(description="Parts that are not there are zero")

    @classmethod
    def of(cls, figure: Figure, counts: Counts, prefectures: Mapping[str, str]) -> Self:
        """From the definition and the counts."""
        return cls(
            name=figure.name,
            day=counts.day,
            title=WordsOut(ja=figure.title.ja, en=figure.title.en),
            meaning=WordsOut(ja=figure.meaning.ja, en=figure.meaning.en),
            unit=WordsOut(ja=figure.unit.ja, en=figure.unit.en),
            cells=[
                OwnCellOut(
                    cell=cell,
                    ja=cell_words(figure.name, cell, "ja", prefectures),
                    en=cell_words(figure.name, cell, "en", prefectures),
                    value=value or 0,
                )
                for cell, value in sorted(counts.of(figure.name).items())
            ],
        )
