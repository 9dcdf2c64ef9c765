"""Where staff of a local government may sign in with its own accounts, and visits under way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights


class StaffProvider(Base):
    """The OpenID provider of a local government, pinned by the operator (d-11).

    Nothing of it is ever taken from an answer of the provider. `verified_acr` is the class by
    which it says that it verified who holds the device, as a passkey does; empty if it never does.
    """

    __tablename__ = "staff_provider"
    __table_args__ = (
        CheckConstraint("algorithm in ('ES256', 'RS256')", name="algorithm"),
        {"info": rights(TableClass.BODY, gate=("s", Reach.ALL), operator=("siud", Reach.ALL))},
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300))
    auth_url: Mapped[str] = mapped_column(String(300))
    token_url: Mapped[str] = mapped_column(String(300))
    certs_url: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    secret_sealed: Mapped[str] = mapped_column(Text)
    algorithm: Mapped[str] = mapped_column(String(5))
    verified_acr: Mapped[str] = mapped_column(String(200), default="", server_default="")
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]


class StaffVisit(Base):
    """A visit to a local government's provider: one browser, ten minutes, one use."""

    __tablename__ = "staff_visit"
    __table_args__ = (
        UniqueConstraint("state_hash"),
        Index(None, "address_hash", "begun_at"),
        {"info": rights(TableClass.MACHINERY, gate=("siu", Reach.ALL), worker=("sd", Reach.ALL))},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"))
    state_hash: Mapped[str] = mapped_column(String(64))
    binding_hash: Mapped[str] = mapped_column(String(64))
    nonce_sealed: Mapped[str] = mapped_column(Text)
    verifier_sealed: Mapped[str] = mapped_column(Text)
    wanted: Mapped[str] = mapped_column(String(300))
    address_hash: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
