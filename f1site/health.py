"""The health of the site: /readyz part by part, /health for monitors, /metrics for Prometheus."""

import logging
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.throttling import cache_errors
from f1site import __version__
from f1site.celery import app
from jobs.models import Job
from live import condition as live
from mirror.models import Counts, SyncRun

log = logging.getLogger(__name__)


class NotReady(Exception):
    """A part is not ready; str(error) says why and may be public."""


def check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def check_migrations() -> None:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} not applied")


def check_cache() -> None:
    cache.set("readyz", 1, timeout=10)
    if cache.get("readyz") != 1:
        raise NotReady("keeps nothing")


def check_broker() -> None:
    if settings.CELERY_BROKER_FOLDER is None:
        with app.connection_for_write(connect_timeout=2) as connected:
            connected.ensure_connection(max_retries=1, interval_start=0, timeout=2)


def check_disk() -> None:
    media = Path(settings.MEDIA_ROOT).absolute()
    folder = next(path for path in (media, *media.parents) if path.exists())  # the folder is created with the first file
    free = shutil.disk_usage(folder).free // 2**20
    if free < settings.MIN_FREE_MB:
        raise NotReady(f"{free} MB free, less than {settings.MIN_FREE_MB}")


def check_storage() -> None:
    default_storage.exists("readyz")  # whether it is there does not matter, but that the store answers


def check_last_sync() -> None:
    if not settings.MAX_SYNC_AGE_HOURS:
        return
    ended = SyncRun.objects.filter(state=SyncRun.State.DONE).order_by("-ended_at").values_list("ended_at", flat=True).first()
    if ended is None or ended < timezone.now() - timedelta(hours=settings.MAX_SYNC_AGE_HOURS):
        raise NotReady(f"the last successful one ended {ended or 'never'}")


def check_live() -> None:
    if fault := live.wrong():
        raise NotReady(fault)


CHECKS: dict[str, Callable[[], None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "cache": check_cache,
    "broker": check_broker,
    "disk": check_disk,
    "storage": check_storage,
    "sync": check_last_sync,
}
NOTES = {"live": check_live}  # told as well, but the site does its work without: OpenF1's feed may be away for hours


def condition(check: Callable[[], None]) -> str:
    """`ok`, or why the check fails; of unexpected errors only the class, as the message may contain an address or a password."""
    try:
        check()
    except NotReady as error:
        return str(error)
    except Exception as error:
        if isinstance(error, (DatabaseError, OSError, *cache_errors())):
            log.warning("Not ready: %s", type(error).__name__)
        else:
            log.exception("Not ready")
        return type(error).__name__
    return "ok"


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer with the condition of every part; 503 if one fails that the site cannot do without."""
    parts = {name: condition(check) for name, check in (CHECKS | NOTES).items()}
    ready = all(parts[name] == "ok" for name in CHECKS)
    body = {"status": "ok" if ready else "failing", "version": __version__, "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


@csrf_exempt
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer healthy or unhealthy, the words that monitors look for; 503 if a part fails."""
    failing = [name for name, check in CHECKS.items() if condition(check) != "ok"]
    body = {"status": "unhealthy", "failing": failing} if failing else {"status": "healthy"}
    return JsonResponse(body | {"version": __version__}, status=503 if failing else 200)


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the counters of the processes and with counts from the database: rows that syncs wrote, jobs by state."""
    if not settings.METRICS:
        raise Http404
    return HttpResponse(process_metrics() + database_metrics().encode(), content_type=CONTENT_TYPE_LATEST)


def process_metrics() -> bytes:
    """The counters of this process, or of all that share the folder PROMETHEUS_MULTIPROC_DIR."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return generate_latest(together)


def database_metrics() -> str:
    sums = SyncRun.objects.aggregate(**{f"sum_{name}": Sum(name, default=0) for name in Counts.NAMES})
    lines = ["# HELP f1site_sync_rows Rows by what syncs did to them.", "# TYPE f1site_sync_rows gauge"]
    lines += [f'f1site_sync_rows{{did="{name}"}} {sums[f"sum_{name}"]}' for name in Counts.NAMES]
    lines += ["# HELP f1site_jobs Jobs by kind and state.", "# TYPE f1site_jobs gauge"]
    jobs = Job.objects.order_by().values_list("kind", "state").annotate(Count("pk"))
    lines += [f'f1site_jobs{{kind="{kind}",state="{state}"}} {count}' for kind, state, count in jobs]
    return "\n".join([*lines, *live.metrics()]) + "\n"
