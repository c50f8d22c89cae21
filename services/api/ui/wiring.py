"""The dashboard put together: every page is named here, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.api.job_list import JobList
from services.api.stores.operations import OperationStore
from services.api.stores.quotas import QuotaStore
from services.api.ui import assets, policy
from services.api.ui.error_pages import ErrorPages
from services.api.ui.gate import Gate
from services.api.ui.pages.add_job import AddJobPage
from services.api.ui.pages.audit import AuditPage
from services.api.ui.pages.edit_job import EditJobPage
from services.api.ui.pages.edit_schedule import EditSchedulePage
from services.api.ui.pages.failures import FailuresPage
from services.api.ui.pages.files import FilePages
from services.api.ui.pages.job import JobPage
from services.api.ui.pages.operations import OperationPages
from services.api.ui.pages.overview import OverviewPage
from services.api.ui.pages.queue import QueuePage
from services.api.ui.pages.queue_actions import QueueActions
from services.api.ui.pages.redis import RedisPage
from services.api.ui.pages.schedules import SchedulesPage
from services.api.ui.pages.search import SearchPage
from services.api.ui.pages.settings import SettingsPage
from services.api.ui.pages.sign_in import SignInPages
from services.api.ui.pages.tokens import TokensPage
from services.api.ui.pages.workers import WorkersPage
from services.api.ui.routes import Routes
from services.api.ui.services import Services
from services.api.ui.sessions import SessionStore
from services.api.ui.sidebar import Sidebar
from services.api.ui.sign_in_limit import SignInLimit
from services.api.ui.views import Views
from shared.schedules.book import ScheduleBook
from shared.schedules.store import ScheduleStore
from shared.storage.opening import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint

    from services.api.back_pressure import BackPressure
    from services.api.intake import Intake
    from services.api.routes.explain import ExplainRoutes
    from services.api.wiring import Parts


#: Jobs that a page's filter looks at: about 100 ms. `Next page` looks further.
LOOKED_AT = 1_000


class Page(Protocol):
    """One page, or some that belong together."""

    def register(self, routes: Routes) -> None:
        """Add the routes."""


_PAGES: tuple[Callable[[Services], Page], ...] = (
    OverviewPage,
    QueuePage,
    QueueActions,
    OperationPages,
    JobPage,
    EditJobPage,
    FilePages,
    SearchPage,
    FailuresPage,
    AddJobPage,
    WorkersPage,
    RedisPage,
    SchedulesPage,
    EditSchedulePage,
    TokensPage,
    AuditPage,
    SettingsPage,
)


def dashboard(
    parts: Parts,
    *,
    intake: Intake,
    back_pressure: BackPressure,
    explain: ExplainRoutes,
) -> Blueprint:
    """Return all routes of the dashboard."""
    services = _services(parts, intake, back_pressure, explain)
    routes, views = Routes(), services.views
    show = assets.load().show
    routes.get("/assets/<digest>/<path:name>", "asset", show, scope=None)
    SignInPages(
        views=views,
        sessions=services.sessions,
        limit=SignInLimit(parts.client, namespace=parts.settings.nightshift_namespace),
    ).register(routes)
    for page in _PAGES:
        page(services).register(routes)
    ErrorPages(views).register(routes)
    gate = Gate(
        routes=routes,
        sessions=services.sessions,
        max_body_bytes=parts.settings.nightshift_max_body_kb * 1024,
    )
    routes.blueprint.before_request(gate.check)
    routes.blueprint.before_app_request(parts.pace_keeper.start)
    routes.blueprint.after_request(policy.apply)
    return routes.blueprint


def _services(
    parts: Parts,
    intake: Intake,
    back_pressure: BackPressure,
    explain: ExplainRoutes,
) -> Services:
    client, namespace = parts.client, parts.settings.nightshift_namespace
    sidebar = Sidebar(inspector=parts.inspector, catalogue=parts.catalogue)
    return Services(
        settings=parts.settings,
        catalogue=parts.catalogue,
        client=client,
        inspector=parts.inspector,
        operator=parts.operator,
        intake=intake,
        jobs=JobList(
            inspector=parts.inspector, catalogue=parts.catalogue, most=LOOKED_AT
        ),
        back_pressure=back_pressure,
        explain=explain,
        operations=OperationStore(client, namespace=namespace),
        actions=parts.actions,
        quotas=QuotaStore(client, namespace=namespace),
        plans=parts.plans,
        pace=parts.pace,
        schedules=ScheduleBook(
            ScheduleStore(client, namespace=namespace), catalogue=parts.catalogue
        ),
        storage=open_storage(parts.settings),
        tokens=parts.tokens,
        audit_log=parts.audit_log,
        sessions=SessionStore(
            client,
            namespace=namespace,
            tokens=parts.tokens,
            bootstrap=parts.settings.nightshift_api_token,
        ),
        views=Views(sidebar.queues),
    )
