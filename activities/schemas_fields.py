"""Kinds of text that people type, shared by the schemas of activities."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationInfo

from core.errors import invalid
from core.individual_number import contains_individual_number

#: Days that people may name: outside them a day cannot be meant, nor moved by a time zone.
EARLIEST_DAY, LATEST_DAY = date(2020, 1, 1), date(2100, 12, 31)


class In(BaseModel):
    """Base of what a door takes: an unknown field is a mistake, not a wish to be ignored."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """Base of what a door gives, filled from rows."""

    model_config = ConfigDict(from_attributes=True)


def _no_individual_number(text: str, info: ValidationInfo) -> str:
    """R12: free text never keeps a 12-digit Individual Number."""
    if contains_individual_number(text):
        raise invalid("individual_number_found", field=info.field_name or "body")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(_no_individual_number),
]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60),
    AfterValidator(_no_individual_number),
]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_no_individual_number),
]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    AfterValidator(_no_individual_number),
]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=400),
    AfterValidator(_no_individual_number),
]
Story = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=1000),
    AfterValidator(_no_individual_number),
]
Place = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_no_individual_number),
]
