"""The application for any WSGI server: `services.api.wsgi:app`."""

from __future__ import annotations

from services.api.app import create_app
from services.api.settings import ApiSettings
from shared import observability, settings

_settings = settings.load(ApiSettings)
observability.begin("api", _settings)

app = create_app(_settings)
