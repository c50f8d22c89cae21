"""The checked-in description, and the page that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.api.openapi.document import document
from shared.contracts import catalogue as catalogues
from tests.support.api import Api, running_api

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DESCRIPTION = ROOT / "docs" / "reference" / "openapi.json"
PAGE = ROOT / "services" / "api" / "docs_page"


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


def test_the_checked_in_description_is_true(api: Api) -> None:
    catalogue = catalogues.load()
    made = document(
        catalogue, api.app.url_map, version="dev", queues=catalogue.queues()
    )

    kept = json.loads(DESCRIPTION.read_text())

    assert kept == made, "Run `python -m services.api.openapi` and commit the result."


def test_the_reference_page_lists_every_operation(api: Api) -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()

    described = api.get("/api/v1/openapi.json").get_json()["paths"]
    for path in described:
        plain = re.sub(r"^(/api/v1/jobs)/(?!\{)[^/]+", r"\1/{queue}", path)
        for method in described[path]:
            assert f"| `{method.upper()}` | `{plain}` |" in page, (method, plain)


def test_a_token_for_one_queue_is_shown_that_queue_only(api: Api) -> None:
    token = api.mint("read", queues=["demo"])

    text = api.get("/api/v1/openapi.json", token=token).text

    assert "/api/v1/jobs/demo" in text
    for word in ("/jobs/email", "SendEmail", "send-email", "/jobs/report"):
        assert word not in text


def test_every_reference_leads_somewhere_and_every_id_is_unique(api: Api) -> None:
    described = api.get("/api/v1/openapi.json").get_json()
    schemas = described["components"]["schemas"]

    for name in re.findall(r"#/components/schemas/([^\"']+)", json.dumps(described)):
        assert name in schemas
    found = [o["operationId"] for p in described["paths"].values() for o in p.values()]
    assert len(found) == len(set(found))


def test_each_tasks_data_and_result_are_described(api: Api) -> None:
    schemas = api.get("/api/v1/openapi.json").get_json()["components"]["schemas"]

    for contract in catalogues.load().values():
        assert contract.data.__name__ in schemas
        assert contract.result.__name__ in schemas


def test_the_docs_page_needs_no_token_and_runs_nothing_foreign(api: Api) -> None:
    client = api.app.test_client()

    page = client.get("/docs")

    policy = page.headers["Content-Security-Policy"]
    assert page.status_code == 200
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", page.text)
    for part in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
        assert client.get(f"/{part}").status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")


@pytest.mark.parametrize(
    "name", ["..%2fsettings.py", "__init__.py", "absent.js", "%00", "index.html%00"]
)
def test_the_docs_page_gives_nothing_else(api: Api, name: str) -> None:
    assert api.app.test_client().get(f"/docs/{name}").status_code == 404


def test_what_is_vendored_has_its_licence() -> None:
    assert "Apache License" in (PAGE / "swagger-ui.LICENSE.txt").read_text()
    assert "5.35.0" in (PAGE / "VENDORED.txt").read_text()
