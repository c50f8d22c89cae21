"""One browser and one api for all tests of a process; a namespace of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared import ids
from tests.support import busy_house
from tests.support.api_process import running_service
from tests.support.browser import Person, person, running_chromium
from tests.support.dashboard_stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def stack(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A real api over an empty namespace; a module shares it."""
    namespace, folder = f"t{ids.new_id()}", tmp_path_factory.mktemp("stack")
    with running_service(redis_url, namespace, folder) as service:
        stack = Stack(redis_url, namespace, folder, f"http://127.0.0.1:{service.port}")
        yield stack
        stack.close()


@pytest.fixture(scope="module")
def busy(stack: Stack) -> Stack:
    """The same, filled: thousands of jobs in every state."""
    busy_house.fill(stack)
    return stack


@pytest.fixture
def visitor(chromium: Browser, stack: Stack) -> Iterator[Person]:
    """An admin at a desk; the test fails when the console complains."""
    with person(chromium, stack.base) as somebody:
        yield somebody
        assert somebody.troubles == []
        assert somebody.refused() == []
