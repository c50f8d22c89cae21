"""`python -m services.api.openapi`: write docs/reference/openapi.json and api.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from services.api.app import create_app
from services.api.openapi import reference_page
from services.api.openapi.document import document
from services.api.settings import ApiSettings
from shared.contracts import catalogue as catalogues

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parents[3] / "docs" / "reference"


def main() -> None:
    """Write both files."""
    described = description()
    text = json.dumps(described, indent=1, ensure_ascii=False)
    (FOLDER / "openapi.json").write_text(f"{text}\n", encoding="utf-8")
    page = reference_page.page(described)
    (FOLDER / "api.md").write_text(page, encoding="utf-8")


def description() -> Mapping[str, Any]:
    """Return the description of all there is; nothing is connected for it."""
    settings = ApiSettings(
        redis_url="redis://localhost", nightshift_api_token=SecretStr("-" * 16)
    )
    catalogue = catalogues.load()
    routes = create_app(settings).url_map
    return document(catalogue, routes, version="dev", queues=catalogue.queues())


if __name__ == "__main__":
    main()
