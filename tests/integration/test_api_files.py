from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tests.support.api import Api, running_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "/api/v1/files"
MB = 1024 * 1024


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path, nightshift_max_file_mb=1) as api:
        yield api


def stored_files(api: Api) -> list[Path]:
    folder = api.settings.nightshift_storage_dir
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 5, MB])
def test_gives_back_what_was_sent_as_the_raw_body(api: Api, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    sent = api.post(
        URL, data=content, content_type="image/png", headers={"X-Filename": "a.png"}
    )
    assert sent.status_code == 201
    document = sent.get_json()
    assert sent.headers["Location"] == f"{URL}/{document.pop('id')}"
    assert document == {"name": "a.png", "contentType": "image/png", "size": size}

    back = api.get(sent.headers["Location"])
    assert back.status_code == 200
    assert back.data == content
    assert back.content_type == "image/png"
    assert back.content_length == size
    assert back.headers["Content-Disposition"] == "attachment; filename=a.png"
    assert back.headers["X-Content-Type-Options"] == "nosniff"


def test_gives_back_what_was_sent_as_a_form(api: Api) -> None:
    form = {"file": (BytesIO(b"hello"), "b.txt", "text/plain")}

    sent = api.post(URL, data=form, content_type="multipart/form-data")

    assert sent.status_code == 201
    assert sent.get_json()["name"] == "b.txt"
    assert api.get(sent.headers["Location"]).data == b"hello"


def test_takes_a_name_in_any_script(api: Api) -> None:
    sent = api.post(
        URL, data=b"x", headers={"X-Filename": "r%C3%A9sum%C3%A9%20%E5%A4%9C.pdf"}
    )

    assert sent.get_json()["name"] == "résumé 夜.pdf"
    disposition = api.get(sent.headers["Location"]).headers["Content-Disposition"]
    assert 'filename="resume .pdf"' in disposition
    assert "filename*=UTF-8''r%C3%A9sum%C3%A9%20%E5%A4%9C.pdf" in disposition


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..%2F..%2Fetc%2Fpasswd", "C:\\passwd", "%0d%0aX: y/passwd"],
)
def test_keeps_no_path_and_no_line_break_of_a_name(api: Api, name: str) -> None:
    sent = api.post(URL, data=b"x", headers={"X-Filename": name})

    assert sent.get_json()["name"] == "passwd"
    back = api.get(sent.headers["Location"])
    assert back.headers["Content-Disposition"] == "attachment; filename=passwd"


@pytest.mark.parametrize(
    "content_type", [None, "", "text", "x" * 300, "a/b\x7f", "é/x"]
)
def test_takes_an_odd_type_for_any_bytes(api: Api, content_type: str | None) -> None:
    sent = api.post(URL, data=b"x", content_type=content_type)

    assert sent.get_json()["contentType"] == "application/octet-stream"


def test_shows_html_as_a_download_that_runs_nothing(api: Api) -> None:
    sent = api.post(URL, data=b"<script>", content_type="text/html")

    back = api.get(sent.headers["Location"])

    assert back.headers["Content-Disposition"].startswith("attachment")
    assert "default-src 'none'" in back.headers["Content-Security-Policy"]


def test_refuses_a_file_over_the_limit_and_keeps_nothing(api: Api) -> None:
    too_large = b"x" * (MB + 1)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    form = head + too_large + b"\r\n--b--\r\n"

    raw = api.post(URL, data=too_large, content_type="image/png")
    as_form = api.post(URL, data=form, content_type="multipart/form-data; boundary=b")
    unannounced = api.post(
        URL,
        input_stream=BytesIO(too_large),
        environ_overrides={"wsgi.input_terminated": True},
        headers={"Transfer-Encoding": "chunked"},
    )

    for response in (raw, as_form, unannounced):
        assert response.status_code == 413
        assert response.content_type == "application/problem+json"
    assert stored_files(api) == []


def test_keeps_nothing_of_an_upload_that_breaks_off(api: Api) -> None:
    response = api.post(
        URL,
        input_stream=BytesIO(b"only this"),
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": "5000"},
    )

    assert response.status_code == 400
    assert "9 of 5000 bytes" in response.get_json()["detail"]
    assert stored_files(api) == []


@pytest.mark.parametrize(
    "form", [{}, {"other": (BytesIO(b"x"), "x")}, {"file": "no file, a text"}]
)
def test_refuses_a_form_without_the_file(api: Api, form: dict[str, object]) -> None:
    response = api.post(URL, data=form, content_type="multipart/form-data")

    assert response.status_code == 400
    assert stored_files(api) == []


@pytest.mark.parametrize("file_id", ["absent", "0" * 20, "..", "x" * 500, "%2e%2e"])
def test_knows_no_other_file(api: Api, file_id: str) -> None:
    response = api.get(f"{URL}/{file_id}")

    assert response.status_code == 404
    assert response.get_json()["type"] in {
        "/problems/file-not-found",
        "/problems/not-found",
    }
