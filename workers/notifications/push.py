"""The push channel: a sentence and a link to every browser a person subscribed (R23).

What is sent says nothing of the person: it is sealed for the browser, and shown on a locked screen.
"""

import json
from email.utils import parseaddr
from uuid import UUID

import requests
from py_vapid import Vapid02  # type: ignore[import-untyped] # it ships no types
from pywebpush import WebPushException, webpush  # type: ignore[import-untyped] # as above
from sqlalchemy import Row, text

from core import push
from core.db import Context, Database
from core.settings import Settings
from core.tenancy import Audience
from workers.notifications.mail import RefusedError, TryAgainError

CHANNEL = "push"
_RELAY = Context(Audience.RELAY, actor="system:relay")
_GONE = frozenset({404, 410})
_TOO_MANY, _SERVER_ERROR = 429, 500
#: Seconds a service may take to answer, and for which it keeps a message for a phone that is off.
PATIENCE, KEPT_FOR = 5, 24 * 3600
#: Where a touch leads: the notice itself is read there, by whoever is signed in.
PAGE = "/notices"


class NobodyThereError(Exception):
    """No browser of the person shows notices any more."""


class PushChannel:
    """Web Push with our own key (VAPID). No service is called that is not on the list (d-13)."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._session = requests.Session()
        # A service that sends us elsewhere is none of those on the list.
        self._session.max_redirects = 0

    def send(self, delivery_id: UUID, address: str, subject: str, text: str) -> str:
        """Hand one message to the services of all browsers of a person (`address` is their id).

        Browsers that no longer exist are forgotten. A repeat replaces what is shown, by its tag.

        Raises:
            NobodyThereError: No browser is left.
            TryAgainError: A service asks to try later.
            RefusedError: No service took it.
        """
        told = {"title": subject, "body": text, "url": PAGE, "tag": str(delivery_id)}
        ends = [self._send_to(row, json.dumps(told)) for row in self._browsers(UUID(address))]
        later = [end for end in ends if end.startswith("later")]
        if later:
            raise TryAgainError(later[0])
        if "sent" in ends:
            return f"{ends.count('sent')} browsers"
        if all(end == "gone" for end in ends):
            raise NobodyThereError
        raise RefusedError(next(end for end in ends if end != "gone"))

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def _browsers(self, person_id: UUID) -> list[Row[tuple[UUID, str, str, str]]]:
        with self._database.transaction(_RELAY) as db:
            found = db.execute(
                text(
                    "select id, endpoint, p256dh, auth from push_subscription"
                    " where person_id = :person order by created_at, id"
                ),
                {"person": person_id},
            )
            return list(found.all())

    def _send_to(self, row: Row[tuple[UUID, str, str, str]], data: str) -> str:
        """`sent`, `gone`, or why not; what a service may try again begins with `later`."""
        key = self._settings.push_private_key_file
        if key is None or not push.is_push_service(self._settings, row.endpoint):
            return "refused: no key, or no known service"
        try:
            webpush(
                {"endpoint": row.endpoint, "keys": {"p256dh": row.p256dh, "auth": row.auth}},
                data,
                vapid_private_key=Vapid02(private_key=push.private_key(key)),
                vapid_claims={"sub": f"mailto:{parseaddr(self._settings.mail_from)[1]}"},
                ttl=KEPT_FOR,
                timeout=PATIENCE,
                requests_session=self._session,
            )
        except WebPushException as error:
            answer = error.response
            status = 0 if answer is None else int(answer.status_code)
            return self._end(row.id, status)
        except requests.TooManyRedirects:
            return "refused: sent elsewhere"
        except requests.RequestException as error:
            # The error's text holds the address, which is the browser's secret.
            return f"later: {type(error).__name__}"
        return "sent"

    def _end(self, subscription_id: UUID, status: int) -> str:
        if status in _GONE:
            with self._database.transaction(_RELAY) as db:
                db.execute(
                    text("delete from push_subscription where id = :id"), {"id": subscription_id}
                )
            return "gone"
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            return f"later: {status}"
        return f"refused: {status}"
