"""The application for any WSGI server: `services.api.wsgi:app`."""

from __future__ import annotations

from services.api.app import create_app
from services.api.settings import ApiSettings
from shared import logging, metrics, settings

_settings = settings.load(ApiSettings)
logging.configure(service="api", level=_settings.nightshift_log_level)

metrics.announce(_settings.nightshift_version, _settings.nightshift_revision)
app = create_app(_settings)
