"""What each example must leave behind, seen by readers that are not ours."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openpyxl
import pypdf
from fast_mail_parser import parse_email
from PIL import Image
from standardwebhooks import Webhook

from shared.broker.connection import connect
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from fast_mail_parser import PyMail

#: What no picture may still hold.
CANARY = b"canary-of-the-metadata"


@dataclass(frozen=True, kw_only=True)
class Left:
    """What an example left.

    Attributes:
        said: Its standard output.
        folder: Its downloads.
        state: The folder of the installation.
        redis_url: The installation's Redis.
        database: The team's database.
    """

    said: str
    folder: Path
    state: Path
    redis_url: str
    database: Path

    def mails(self, subject: str, *, count: int) -> list[PyMail]:
        """Return the mails with a subject when there are as many as expected."""

        def look() -> list[PyMail] | None:
            read = [
                parse_email(file.read_bytes())
                for file in (self.state / "mail").glob("*.eml")
            ]
            found = [mail for mail in read if mail.subject == subject]
            return found if len(found) == count else None

        found = wait_for(look, what=f"{count} mails with the subject {subject}")
        assert found is not None
        assert not any(mail.warnings for mail in found)
        return found


def first_jobs(left: Left) -> None:
    """The text came back, and the failing job had its three attempts."""
    assert "it said 'hello' after 4 steps" in left.said
    assert "it took 3 attempts" in left.said
    assert left.said.count("completed in") == 3


def send_mail(left: Left) -> None:
    """The confirmation has all its parts; each reader has a newsletter."""
    [mail] = left.mails("Your order A-17", count=1)
    assert [address.address for address in mail.to] == ["ada@example.com"]
    assert [address.address for address in mail.cc] == ["accounts@example.com"]
    assert not mail.bcc
    assert [address.address for address in mail.reply_to] == ["help@example.com"]
    assert "Green tea" in mail.text_plain[0]
    assert "cid:" in mail.text_html[0]
    files = {part.mimetype: part for part in mail.attachments}
    assert files["application/pdf"].filename == "Invoice A-17.pdf"
    assert "EUR 37.00" in pdf_text(bytes(files["application/pdf"].content))
    with Image.open(io.BytesIO(bytes(files["image/png"].content))) as logo:
        assert logo.size == (160, 60)
    letters = left.mails("News of November", count=3)
    assert len({letter.to[0].address for letter in letters}) == 3
    assert all("List-Unsubscribe" in letter.headers for letter in letters)


def make_pictures(left: Left) -> None:
    """Every picture has its size and format, and nothing but pixels."""
    expected = {
        "cover.webp": ("WEBP", (400, 300)),
        "contain.avif": ("AVIF", (400, 300)),
        "thumbnail-150.webp": ("WEBP", (150, 100)),
        "thumbnail-300.webp": ("WEBP", (300, 200)),
        "thumbnail-600.webp": ("WEBP", (600, 400)),
    }
    for name, (image_format, size) in expected.items():
        path = left.folder / name
        assert look_at(path) == (image_format, size), name
    assert look_at(left.folder / "compressed.jpg")[0] == "JPEG"
    assert (left.folder / "compressed.jpg").stat().st_size <= 20_000


def look_at(path: Path) -> tuple[str | None, tuple[int, int]]:
    """Return a picture's format and size; it must have no metadata."""
    assert CANARY not in path.read_bytes()
    with Image.open(path) as picture:
        picture.load()
        assert not picture.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment"} & picture.info.keys()
        return picture.format, picture.size


def make_reports(left: Left) -> None:
    """The tables hold their rows and no formula; the pages say what they should."""
    folder = left.folder
    with (folder / "sales.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Tea"] for row in rows[:2]] == ["1200", "1330"]
    assert rows[2]["Remark"] == "'=1+1"
    for name, count in (("sales.xlsx", 8), ("orders.xlsx", 401)):
        sheet = openpyxl.load_workbook(folder / name).active
        assert sheet is not None
        assert sheet.max_row == count, name
        assert {cell.data_type for row in sheet for cell in row} <= {"s", "n"}, name
    text = pdf_text((folder / "sales.pdf").read_bytes())
    assert "Sales of the half-year" in text
    assert "10,050" in text
    colours = page_colours(folder / "sales.pdf")
    assert colours is None or len(colours) > 100
    with gzip.open(folder / "orders.csv.gz", "rt", encoding="utf-8-sig") as packed:
        prices = [int(row["price"]) for row in csv.DictReader(packed)]
    assert len(prices) == 400
    assert min(prices) == 490
    assert "order.paid?plan=pro: 2 times" in left.said
    assert "Jobs per day" in pdf_text((folder / "week.pdf").read_bytes())
    [mail] = [
        mail
        for file in (left.state / "mail").glob("*.eml")
        if (mail := parse_email(file.read_bytes())).subject.startswith("Weekly report")
    ]
    assert bytes(mail.attachments[0].content) == (folder / "week.pdf").read_bytes()


def send_webhooks(left: Left) -> None:
    """The official library accepts what arrived."""
    request = json.loads((left.folder / "webhook.json").read_text())
    secret = (left.state / "webhook-secret").read_text().strip()
    event = Webhook(secret).verify(request["body"], request["headers"])
    assert event["type"] == "invoice.paid"
    assert event["data"] == {"id": 7}
    assert "invoice.paid: 200" in left.said


def call_apis(left: Left) -> None:
    """The change had a key against doing it twice; the answer was stored."""
    assert "POST /orders, Idempotency-Key: integration:" in left.said
    assert "GET /export, Idempotency-Key: none" in left.said
    assert json.loads((left.folder / "answer.json").read_text()) == {"accepted": True}


def notify_people(left: Left) -> None:
    """Both messages became a mail."""
    [done] = left.mails("Backup", count=1)
    assert "The backup of tonight is complete." in done.text_plain[0]
    left.mails("Reminder", count=1)


def transcode_film(left: Left) -> None:
    """The film is what browsers play, and the poster is a picture of it."""
    asked = "-show_entries", "format=duration:stream=codec_name,width,height"
    program = shutil.which("ffprobe") or "ffprobe"
    probed = subprocess.run(
        [program, "-v", "error", *asked, "-of", "json", left.folder / "film.mp4"],
        capture_output=True,
        check=True,
    )
    found = json.loads(probed.stdout)
    codecs = {stream["codec_name"] for stream in found["streams"]}
    assert codecs == {"h264", "aac"}
    assert {(s.get("width"), s.get("height")) for s in found["streams"]} >= {(320, 240)}
    assert 1.8 < float(found["format"]["duration"]) < 2.3
    assert look_at(left.folder / "poster.jpg") == ("JPEG", (320, 240))


def plant(left: Left) -> None:
    """Leave something to clean up, and beside each something to keep."""
    with connect(left.redis_url) as client:
        client.mset({"page:1": "x", "page:2": "x", "kept": "x", "of-a-product": "x"})
        client.sadd("tag:product-17", "of-a-product")
        client.set("session:new", "x")
        dumped = client.dump("session:new")
        assert isinstance(dumped, bytes)
        client.restore("session:old", 0, dumped, idletime=40 * 86_400)
    with sqlite3.connect(left.database) as database:
        database.execute("create table audit_log (id integer primary key, at integer)")
        database.executemany(
            "insert into audit_log (at) values (?)", [(1,), (2,), (4_000_000_000,)]
        )
    database.close()


def clean_up(left: Left) -> None:
    """What was out of date is gone, and nothing else."""
    assert "left out" not in left.said
    with connect(left.redis_url) as client:
        keys = ("page:1", "page:2", "of-a-product", "tag:product-17", "session:old")
        assert client.exists(*keys) == 0
        assert client.exists("kept", "session:new") == 2
    with sqlite3.connect(left.database) as database:
        rows = database.execute("select at from audit_log").fetchall()
    database.close()
    assert rows == [(4_000_000_000,)]
    assert "mail-server" in left.said


def pdf_text(content: bytes) -> str:
    """Return what stands on the pages."""
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return "\n".join(page.extract_text() for page in pages)


def page_colours(path: Path) -> set[int] | None:
    """Return the colours of the first page; None where nothing draws pages."""
    program = shutil.which("pdftoppm")
    if program is None:
        return None
    options = ("-r", "50", "-png", "-singlefile")
    command = [program, *options, str(path), str(path.with_suffix(""))]
    subprocess.run(command, check=True)
    with Image.open(path.with_suffix(".png")) as page:
        found = page.convert("RGB").getcolors(page.width * page.height)
    assert found is not None
    return {hash(colour) for _, colour in found}
