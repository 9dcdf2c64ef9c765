"""What a local government tells on its page."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import BODY_ONLY, Reach, TableClass, rights


class TownNews(Base):
    """まちの便り: one piece of news, read by anybody until it is taken down (R23)."""

    __tablename__ = "town_news"
    __table_args__ = (
        Index("ix_town_news_published", "lg_code", "published_at", postgresql_where="published"),
        CheckConstraint("published = (withdrawn_at is null)", name="published"),
        {
            "info": rights(
                TableClass.BODY,
                person=("s", Reach.PUBLISHED),
                **BODY_ONLY,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    title: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(String(2000))
    published: Mapped[bool] = mapped_column(default=True)
    published_at: Mapped[datetime]
    written_by: Mapped[str] = mapped_column(String(80))
    withdrawn_at: Mapped[datetime | None]
