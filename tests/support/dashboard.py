"""A person at the dashboard, on Flask's test client: signed in, forms with tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.api import TOKEN

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.support.api import Api

ROOT = "/admin/queues"
ORIGIN = {"Origin": "http://localhost"}


class Visitor:
    """Somebody with a browser's cookies, but without a browser."""

    def __init__(self, api: Api, token: str = TOKEN) -> None:
        """Sign in with a token."""
        self.client = api.app.test_client()
        answer = self.sign_in(token)
        assert answer.status_code == 303, answer.text

    def sign_in(self, token: str) -> TestResponse:
        """Send the sign-in form."""
        form = self.client.get(f"{ROOT}/sign-in")
        return self.client.post(
            f"{ROOT}/sign-in",
            data={"csrf": token_in(form), "token": token},
            headers=ORIGIN,
        )

    def get(self, path: str = "", **options: Any) -> TestResponse:
        """Open a page; `path` is what follows `/admin/queues`."""
        return self.client.get(f"{ROOT}{path}", **options)

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Send a form that a page of ours holds."""
        data = {"csrf": self.csrf(), **fields}
        return self.client.post(f"{ROOT}{path}", data=data, headers=ORIGIN)

    def follow(self, answer: TestResponse) -> TestResponse:
        """Open the page that an action leads to."""
        assert answer.status_code == 303, answer.text
        return self.client.get(answer.headers["Location"])

    def csrf(self) -> str:
        """Return the token of the session's forms."""
        page = self.get()
        assert page.status_code == 200, page.text
        return token_in(page)


def token_in(page: TestResponse) -> str:
    """Return the token of a page's forms."""
    found = re.search(r'name="csrf" value="([\w-]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def path_of(answer: TestResponse) -> str:
    """Return where a redirect leads."""
    return urlsplit(answer.headers["Location"]).path
