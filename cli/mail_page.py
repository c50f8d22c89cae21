"""The web pages of the mail catcher; everything that came by mail is escaped."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from cli.loopback_http import Answer, not_found, plain

if TYPE_CHECKING:
    from cli.loopback_http import Request
    from cli.mailbox import Mail, Mailbox

_NEWEST = 100
#: A mail's HTML may style itself, and nothing else: no scripts, no network, no forms.
_MAIL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
_STYLE = """
:root { color-scheme: light dark; --edge: #8884; --soft: #8881; --dim: #808793; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto;
  padding: 2rem 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 1.2rem; overflow-wrap: anywhere; }
h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .08em;
  color: var(--dim); margin: 1.8rem 0 .5rem; }
a { color: inherit; }
ol { list-style: none; margin: 0; padding: 0; border: 1px solid var(--edge);
  border-radius: .6rem; overflow: hidden; }
li + li { border-top: 1px solid var(--edge); }
li a { display: block; padding: .7rem 1rem; text-decoration: none;
  overflow-wrap: anywhere; }
li a:hover, li a:focus { background: var(--soft); }
small, dt { color: var(--dim); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0;
  overflow-wrap: anywhere; }
dd { margin: 0; }
pre, iframe { border: 1px solid var(--edge); border-radius: .6rem; margin: 0;
  box-sizing: border-box; width: 100%; }
pre { padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
iframe { background: #fff; height: 36rem; }
"""


def answer(mailbox: Mailbox, request: Request) -> Answer:
    """Return a page: the list, one mail, its HTML part or its source."""
    if request.method == "POST":
        sentence = "The mail page is for reading only."
        return plain(HTTPStatus.METHOD_NOT_ALLOWED, sentence)
    path = request.path
    if path == "/":
        return _page("Mail", _list(mailbox.newest(_NEWEST)), refresh=True)
    match path.removeprefix("/mails/").split("/"):
        case [mail_id]:
            mail = mailbox.find(mail_id)
            return _page(mail.subject, _mail(mail)) if mail else not_found()
        case [mail_id, "html"]:
            mail = mailbox.find(mail_id)
            return _html_part(mail) if mail else not_found()
        case [mail_id, "source"]:
            return _source(mailbox.source(mail_id))
    return not_found()


def _page(title: str, content: str, *, refresh: bool = False) -> Answer:
    again = '<meta http-equiv="refresh" content="5">' if refresh else ""
    document = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">{again}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · Nightshift mail</title><style>{_STYLE}</style></head>
<body>{content}</body></html>
"""
    return Answer(body=document.encode())


def _list(mails: list[Mail]) -> str:
    if not mails:
        return (
            "<h1>Mail</h1><p>No mail yet. Every mail that a job sends from here "
            "appears on this page; none leaves this machine.</p>"
        )
    rows = "".join(
        f'<li><a href="/mails/{escape(m.id)}"><strong>{_or_none(m.subject)}</strong>'
        f"<br><small>to {_or_none(m.recipients)} · {_or_none(m.date)}</small></a></li>"
        for m in mails
    )
    return f"<h1>Mail</h1><ol>{rows}</ol>"


def _mail(mail: Mail) -> str:
    address = f"/mails/{escape(mail.id)}"
    heads = (
        ("From", mail.sender),
        ("To", mail.recipients),
        ("Date", mail.date),
        ("Files", ", ".join(f"{a.name} ({a.size} bytes)" for a in mail.attachments)),
    )
    rows = "".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in heads if v)
    parts = [
        '<p><a href="/">← All mail</a></p>',
        f"<h1>{_or_none(mail.subject)}</h1><dl>{rows}</dl>",
    ]
    if mail.html is not None:
        parts.append(
            "<h2>HTML</h2>"
            f'<iframe sandbox src="{address}/html" title="HTML part"></iframe>'
        )
    if mail.text is not None:
        parts.append(f"<h2>Text</h2><pre>{escape(mail.text)}</pre>")
    parts.append(f'<p><a href="{address}/source">Source</a></p>')
    return "".join(parts)


def _html_part(mail: Mail) -> Answer:
    if mail.html is None:
        return not_found()
    return Answer(
        body=mail.html.encode(), headers={"Content-Security-Policy": _MAIL_POLICY}
    )


def _source(content: bytes | None) -> Answer:
    if content is None:
        return not_found()
    return Answer(content_type="text/plain; charset=utf-8", body=content)


def _or_none(text: str) -> str:
    return escape(text) or "(none)"
