"""What the pages work with: the same parts as the HTTP API, never HTTP itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis

    from services.api.back_pressure import BackPressure
    from services.api.bulk_actions import BulkActions
    from services.api.intake import Intake
    from services.api.job_list import JobList
    from services.api.routes.explain import ExplainRoutes
    from services.api.settings import ApiSettings
    from services.api.stores.operations import OperationStore
    from services.api.stores.quotas import QuotaStore
    from services.api.ui.bulk_plans import BulkPlans
    from services.api.ui.pace import PaceStore
    from services.api.ui.sessions import SessionStore
    from services.api.ui.views import Views
    from shared.access.audit_log import AuditLog
    from shared.access.token_store import TokenStore
    from shared.broker.inspector import Inspector
    from shared.broker.operator import Operator
    from shared.contracts.catalogue import Catalogue
    from shared.schedules.book import ScheduleBook
    from shared.storage.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Services:
    """All of it; a page takes what it needs.

    Attributes:
        settings: The settings.
        catalogue: The tasks.
        client: Speaks to Redis; for the page about Redis only.
        inspector: Looks at jobs and queues.
        operator: Acts on jobs and queues.
        intake: Checks and creates jobs.
        jobs: Lists jobs that fit a filter, with bounded work.
        back_pressure: Refuses jobs when there is no room.
        explain: Tells why a job is not running.
        operations: Knows the bulk actions.
        actions: Carries bulk actions out.
        quotas: Most waiting jobs, by queue.
        plans: Bulk actions that can still be taken back.
        pace: Knows how many jobs ended per minute.
        schedules: The schedules.
        storage: Files of jobs.
        tokens: Who may call.
        audit_log: Who changed what.
        sessions: Who is signed in.
        views: Makes pages.
    """

    settings: ApiSettings
    catalogue: Catalogue
    client: redis.Redis
    inspector: Inspector
    operator: Operator
    intake: Intake
    jobs: JobList
    back_pressure: BackPressure
    explain: ExplainRoutes
    operations: OperationStore
    actions: BulkActions
    quotas: QuotaStore
    plans: BulkPlans
    pace: PaceStore
    schedules: ScheduleBook
    storage: Storage
    tokens: TokenStore
    audit_log: AuditLog
    sessions: SessionStore
    views: Views
