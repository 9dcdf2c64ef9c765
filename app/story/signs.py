"""How to sign in to a platform on which a story or a rehearsal was played."""

from collections.abc import Iterable

from rich.table import Table

from app.local import LocalStack


def sign_in_table(stack: LocalStack, rows: Iterable[tuple[str, str, str]]) -> Table:
    """Who signs in where, with which address."""
    # Fits 80 columns: an address that breaks over two lines cannot be copied.
    title = f"サインイン {stack.base_url} ： メールアドレスを入れると、番号が画面に出ます"
    table = Table(title=title)
    for name in ("だれ", "どこ", "メールアドレス"):
        table.add_column(name, no_wrap=True, overflow="ignore")
    for row in rows:
        table.add_row(*row)
    table.caption = f"届いたメール {stack.mail_dir}  記録 {stack.logs}"
    return table
