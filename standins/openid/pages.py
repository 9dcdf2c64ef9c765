"""The few pages of the stand-in: they work without scripts."""

from collections.abc import Iterable
from html import escape

from fastapi.responses import HTMLResponse

from standins.openid.cards import OUTCOMES, Card
from standins.openid.faults import BAD_ANSWERS, EXTRA_FAULTS

_STYLE = (
    "body{font:1rem/1.7 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
    "label{display:block;padding:.3rem 0}fieldset{margin:1rem 0}"
    "button{font:inherit;padding:.6rem 1.5rem;margin-right:.5rem}"
    ".note{border:2px solid #b00020;padding:.5rem 1rem}"
)
_NOTE = (
    '<p class="note">これは試験用の代替画面です。本物のデジタル認証アプリではなく、'
    "実在の人の本人確認には使えません。</p>"
)
_OUTCOME_LABELS = {
    "ok": "正常",
    "cancelled": "利用者が中止",
    "pin_locked": "暗証番号がロック",
    "certificate_revoked": "証明書が失効",
    "certificate_expired": "証明書が期限切れ",
    "certificate_missing": "証明書がない",
    "server_error": "サーバーの障害",
    "temporarily_unavailable": "一時的に利用できない",
}


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="ja"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{_NOTE}{body}</main></body></html>"
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(html, status, headers)


def _options(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<option value="{escape(key)}">{escape(text)}</option>' for key, text in pairs)


def consent_page(
    action: str, handle: str, client_id: str, scopes: Iterable[str], cards: Iterable[Card]
) -> HTMLResponse:
    """Choose a test card and how the answer ends."""
    card_options = _options((card.id, f"{card.label} — {card.name}") for card in cards)
    outcomes = _options((key, _OUTCOME_LABELS[key]) for key in ("ok", *OUTCOMES))
    faults = _options((name, name) for name in ("", *BAD_ANSWERS, *EXTRA_FAULTS))
    asked = "、".join(escape(scope) for scope in scopes)
    return _page(
        "テスト用カードの選択",
        f"<p>提供先: <strong>{escape(client_id)}</strong><br>提供する情報: {asked}</p>"
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="request" value="{escape(handle)}">'
        f'<label>カード <select name="card">{card_options}</select></label>'
        f'<label>応答 <select name="outcome">{outcomes}</select></label>'
        '<details><summary>試験用の設定</summary><label>情報の形式 <select name="fact_format">'
        f"{_options((('plain', '平文'), ('oidc', 'OpenID標準')))}</select></label>"
        f'<label>不具合 <select name="fault">{faults}</select></label></details>'
        '<p><button name="decision" value="allow">同意して進む</button>'
        '<button name="decision" value="deny">中止する</button></p></form>',
    )


def link_page(urls: Iterable[str], explanation: str) -> HTMLResponse:
    """The answer as links to follow by hand: later, twice, or in another browser."""
    items = "".join(f'<li><a href="{escape(url)}">応答を開く</a></li>' for url in urls)
    return _page("応答のリンク", f"<p>{escape(explanation)}</p><ul>{items}</ul>")


def post_page(action: str, fields: Iterable[tuple[str, str]]) -> HTMLResponse:
    """The answer as a form, which a relying party must not accept."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields
    )
    form = f'<form method="post" action="{escape(action)}">{hidden}<button>続ける</button></form>'
    return _page("応答の送信", form)


def error_page(message: str, status: int = 400) -> HTMLResponse:
    """For requests whose redirect address cannot be trusted."""
    return _page("エラー", f"<p>{escape(message)}</p>", status)
