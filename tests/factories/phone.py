"""A phone with scripts off: pages are opened, their own forms are sent, redirects followed by hand."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import httpx2
from fastapi.testclient import TestClient

_FORM = re.compile(r"<form\b(.*?)>(.*?)</form>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([\w-]+)(?:="([^"]*)")?')
_INPUT = re.compile(r"<(?:input|button)\b([^>]*)>")
_SELECT = re.compile(r"<select\b([^>]*)>(.*?)</select>", re.DOTALL)
_TEXTAREA = re.compile(r"<textarea\b([^>]*)>(.*?)</textarea>", re.DOTALL)
MAX_REDIRECTS = 6


@dataclass
class PageForm:
    """A form as a page holds it: where it goes and what it sends by itself."""

    action: str
    method: str
    fields: dict[str, str]
    html: str


def attributes(text: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(text)}


def forms_in(text: str) -> list[PageForm]:
    """Every form of a page but the language switch."""
    found = []
    for opening, inside in _FORM.findall(text):
        given = attributes(opening)
        if given.get("action") == "/language":
            continue
        fields: dict[str, str] = {}
        for tag in _INPUT.findall(inside):
            one = attributes(tag)
            kind = one.get("type", "text")
            if "name" not in one or (kind in {"radio", "checkbox"} and "checked" not in one):
                continue
            fields[one["name"]] = one.get("value", "")
        for tag, body in _SELECT.findall(inside):
            chosen = re.search(r'<option value="([^"]*)" selected', body)
            first = re.search(r'<option value="([^"]*)"', body)
            option = chosen or first
            fields[attributes(tag)["name"]] = option[1] if option else ""
        for tag, body in _TEXTAREA.findall(inside):
            fields[attributes(tag)["name"]] = html.unescape(body)
        found.append(PageForm(given.get("action", ""), given.get("method", "get"), fields, inside))
    return found


@dataclass
class Phone:
    """A browser without scripts."""

    client: TestClient
    path: str = ""
    status: int = 0
    text: str = ""
    seen: list[str] = field(default_factory=list)
    last: tuple[str, Mapping[str, Any]] = ("", MappingProxyType({}))

    def open(self, path: str) -> "Phone":
        """Follow a link."""
        return self._land(self.client.get(path, headers=self._headers()), path)

    def send(
        self, values: Mapping[str, Any] | None = None, *, to: str | None = None, nth: int = 0
    ) -> "Phone":
        """Press the button of a form on this page, after filling in some fields."""
        form = self.form(to, nth)
        sent = form.fields | dict(values or {})
        self.last = (form.action or self.path, sent)
        if form.method.lower() == "get":
            path = form.action or self.path
            return self._land(self.client.get(path, params=sent, headers=self._headers()), path)
        return self._post(*self.last)

    def send_again(self) -> "Phone":
        """The same form once more: back button, or a lost answer."""
        return self._post(*self.last)

    def _post(self, path: str, sent: Mapping[str, Any]) -> "Phone":
        return self._land(self.client.post(path, data=sent, headers=self._headers()), path)

    def form(self, to: str | None = None, nth: int = 0) -> PageForm:
        # What the header and the foot offer on every page is asked for by its address.
        shown = self.text if to else self.text.partition("<main")[2].partition("</main>")[0]
        forms = forms_in(shown or self.text)
        fitting = [one for one in forms if to is None or (one.action or self.path) == to]
        assert fitting, f"{self.path} has no form to {to}: {[one.action for one in forms]}"
        return fitting[nth]

    def link(self, words: str) -> str:
        """Where the link with these words leads."""
        for href, inside in re.findall(
            r'<a\b[^>]*href="([^"]*)"[^>]*>(.*?)</a>', self.text, re.DOTALL
        ):
            if words in re.sub(r"<[^>]+>", "", inside):
                return html.unescape(href)
        raise AssertionError(f"{self.path} has no link {words!r}")

    @property
    def words(self) -> str:
        """What can be read on the page."""
        body = re.sub(r"<style>.*?</style>|<svg\b.*?</svg>", " ", self.text, flags=re.DOTALL)
        plain = html.unescape(re.sub(r"<[^>]+>", " ", body))
        return re.sub(r"\s+", " ", plain)

    def _headers(self) -> dict[str, str]:
        return {"Sec-Fetch-Site": "same-origin"}

    def _land(self, answer: httpx2.Response, path: str) -> "Phone":
        for _ in range(MAX_REDIRECTS):
            self.seen.append(f"{answer.status_code} {path}")
            if answer.status_code != 303:
                break
            path = answer.headers["location"]
            answer = self.client.get(path, headers=self._headers())
        assert answer.status_code < 500, f"{path}: {answer.status_code}"
        self.path, self.status, self.text = path, answer.status_code, answer.text
        return self


def sign_in(phone: Phone, email: str) -> Phone:
    """From the page for the address to wherever the sign-in was going."""
    phone.send({"email": email}, to="/signin")
    code = re.search(r"<strong>(\d{8})</strong>", phone.text)
    assert code, phone.words
    return phone.send({"code": code[1]}, to="/signin/code")
