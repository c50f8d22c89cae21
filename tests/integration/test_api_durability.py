from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.api import running_api

if TYPE_CHECKING:
    from pathlib import Path


def test_the_api_accepts_only_what_is_as_safe_as_its_setting_says(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    # The server has no replica: nothing can be confirmed by one.
    with running_api(
        redis_url, namespace, tmp_path, nightshift_durability="replicated"
    ) as api:
        answer = api.post(
            "/api/v1/jobs/demo", json={"name": "echo", "data": {"msg": "x"}}
        )

    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    assert "Retry-After" in answer.headers
