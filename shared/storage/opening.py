"""Opens the file store that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.storage.places import Bucket, Folder
from shared.storage.storage import Storage

if TYPE_CHECKING:
    from shared.settings import CommonSettings


def open_storage(settings: CommonSettings) -> Storage:
    """Return the store; nothing is opened yet."""
    max_bytes = settings.nightshift_max_file_mb * 1024 * 1024
    if not settings.nightshift_storage_url:
        return Storage(Folder(settings.nightshift_storage_dir), max_bytes=max_bytes)
    parts = urlsplit(settings.nightshift_storage_url)
    bucket = Bucket(
        name=parts.netloc,
        prefix=parts.path.strip("/"),
        endpoint=settings.nightshift_s3_endpoint,
        region=settings.nightshift_s3_region,
        access_key_id=settings.nightshift_s3_access_key_id,
        secret_access_key=settings.nightshift_s3_secret_access_key.get_secret_value(),
    )
    return Storage(bucket, max_bytes=max_bytes)
