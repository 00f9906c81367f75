"""The settings. Every difference between deployments is an environment variable with a safe default.

Variables are read from the environment and from a `.env` file beside manage.py (`.env.example` lists them all).
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from f1site import __version__
from f1site.environment import BROKERS, Environment, create_private, read_or_create_secret

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = __version__

env = Environment()
env.read_env(BASE_DIR / ".env")
# The folder of what the site creates itself unless set otherwise: database, files, secret key, the admin's password.
DATA_ROOT = Path(env.str("DATA_ROOT", default=str(BASE_DIR)))


def is_weak(key: str) -> bool:
    """Whether `manage.py check --deploy` would call a secret key weak."""
    return len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure")


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or read_or_create_secret(DATA_ROOT / ".secret_key")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
if is_weak(SECRET_KEY) and not DEBUG:
    raise ImproperlyConfigured(
        "SECRET_KEY is weak: set 50 random characters or more, or leave it out, and a key is created and kept."
    )

# With TLS, plain HTTP is redirected and HSTS is sent. Subdomains and preload lists are the decision of the domain's owner.
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|health|metrics)/?$"]  # requested within the network, not through the proxy
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", default=31_536_000) if HTTPS else 0
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# The header in which a proxy reports that the browser used TLS; safe only if the proxy always sets or removes it.
proxy_header = env.str("PROXY_SSL_HEADER", default="")
if not re.fullmatch(r"[\w-]*", proxy_header, re.ASCII):
    raise ImproperlyConfigured(
        f"PROXY_SSL_HEADER is {proxy_header!r}; the name of a header is wanted, such as X-Forwarded-Proto."
    )
SECURE_PROXY_SSL_HEADER = (f"HTTP_{proxy_header.upper().replace('-', '_')}", "https") if proxy_header else None
# Pages load nothing from other sites. Inline styles are allowed for the admin; `api.policy` adds what single pages need.
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# Whose pages may show an embedded chart (?embed=1): sources as CSP writes them, or * for everybody.
EMBED_ANCESTORS = env.str("EMBED_ANCESTORS", default="*")
if set(EMBED_ANCESTORS) & set(";,\r\n"):
    raise ImproperlyConfigured(f"EMBED_ANCESTORS is {EMBED_ANCESTORS!r}; sources are wanted, with blanks between them.")
DATA_UPLOAD_MAX_MEMORY_SIZE = env.number("MAX_BODY_BYTES", default=2_621_440, least=1)

# Origins whose pages may use the REST API from a browser. /v1 is open to all origins, as OpenF1 is.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/(?![vV]1/|token$)"
CORS_EXPOSE_HEADERS = ["ETag", "Last-Modified", "Location", "Retry-After", "X-Request-ID"]

# Rate limits per user, or per address without a login: "60/min", per second, min, hour or day; empty for no limit.
THROTTLES = {
    "reads": env.rate("THROTTLE_READS", default=""),
    "writes": env.rate("THROTTLE_WRITES", default="1200/min"),
    "syncs": env.rate("THROTTLE_SYNCS", default="120/min"),
    "logins": env.rate("THROTTLE_LOGINS", default="10/min"),
}
# How many long answers of a kind a process makes at once, and for one address: see `api.admission`.
LONG_ANSWERS = env.counts("LONG_ANSWERS", default={"expensive": 4, "streamed": 10, "sync": 4, "SQL": 2})
BY_ADDRESS = {"expensive": 2, "streamed": 6, "sync": 2, "SQL": 1}
LONG_ANSWERS_BY_ADDRESS = env.counts("LONG_ANSWERS_BY_ADDRESS", default=BY_ADDRESS)
NUM_PROXIES = env.number("NUM_PROXIES", default=0)

INSTALLED_APPS = [
    "corsheaders",
    "unfold",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "api.logins",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "f1site",
    "mirror",
    "races",
    "drivers",
    "telemetry",
    "ml",
    "pages",
    "ask",
    "live",
    "django_celery_beat",
    "jobs",
]

MIDDLEWARE = [
    "api.observing.RequestMiddleware",
    "api.statements.StatementTimeoutMiddleware",
    "api.policy.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "api.middleware.CompressionMiddleware",
    "api.admission.AdmissionMiddleware",
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "api.middleware.TrailingSlashMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "api.middleware.ErrorMiddleware",
]

ROOT_URLCONF = "f1site.urls"
WSGI_APPLICATION = "f1site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{quote(str(DATA_ROOT / 'db.sqlite3'))}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Readers never wait for a writer (WAL). A writer takes its lock when its transaction begins, so that it waits for
    # other writers instead of failing half-way with "database is locked". The file is mapped (128 MB of it): threads share
    # what they read, and their own caches, of 2 MB each, would otherwise be most of the memory of a process.
    sqlite_file = Path(str(DATABASES["default"]["NAME"]))
    if not sqlite_file.name.startswith((":memory:", "file:")) and sqlite_file.parent.is_dir():  # else SQLite says what is wrong
        create_private(sqlite_file)  # it will hold digests of passwords, and SQLite would let everybody read it
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2000; PRAGMA mmap_size=134217728",
    }
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Compiling the SQL of a race's laps took PostgreSQL 500 ms, running it 70. `?options=` of DATABASE_URL overrides this.
    DATABASES["default"]["OPTIONS"] = {"options": "-c jit=off"} | DATABASES["default"].get("OPTIONS", {})
# Connections stay open between requests, as opening one costs more than most queries. Each thread keeps its own, which is
# replaced after the database was restarted; or the threads of a process share a pool, for a server that allows few connections.
max_age, pool_size = env.number("CONN_MAX_AGE", default=600), env.number("DATABASE_POOL", default=0)
DATABASES["default"] |= {"CONN_MAX_AGE": max_age, "CONN_HEALTH_CHECKS": True}
if pool_size and DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Without these timeouts requests would wait half a minute while the database is down, and longer after it is back.
    pool = {"min_size": 1, "max_size": pool_size, "max_idle": max_age or 1, "timeout": 5, "reconnect_timeout": 2}
    DATABASES["default"] |= {"OPTIONS": DATABASES["default"].get("OPTIONS", {}) | {"pool": pool}, "CONN_MAX_AGE": 0}
# Seconds that one statement of a request may take; 0 for no limit.
STATEMENT_TIMEOUT = env.number("STATEMENT_TIMEOUT", default=30, kind=float)
# The cache, which counts requests for the rate limits: in the memory of each process, or in a Redis that they share.
CACHES = {"default": env.caches("CACHE_URL", default="locmemcache://")}
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.locmem.LocMemCache":
    # By default a third of the entries goes when there are 300, so that 300 addresses would reset the counters of others.
    CACHES["default"].setdefault("OPTIONS", {}).setdefault("MAX_ENTRIES", 100_000)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(DATA_ROOT / "media"))
MEDIA_URL = "media/"
ANSWERS_MEMORY_MB = env.number("ANSWERS_MEMORY_MB", default=32)  # of kept answers of /v1; the REST API's may take as much
SAMPLES_MEMORY_MB = env.number("SAMPLES_MEMORY_MB", default=32)  # of decoded files of samples, of which a car's takes 0.8 MB
# Files are stored below MEDIA_ROOT, or in an S3 bucket, which several machines can share. The credentials are AWS's own
# environment variables.
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STORAGE_URL = urlsplit(env.str("STORAGE_URL", default=""))
if STORAGE_URL.scheme == "s3":
    bucket: dict[str, Any] = {"bucket_name": STORAGE_URL.netloc, "location": STORAGE_URL.path.strip("/")}
    bucket |= {
        "endpoint_url": env.str("STORAGE_ENDPOINT", default="") or None,
        "file_overwrite": False,
        "querystring_auth": False,
    }
    STORAGES["default"] = {"BACKEND": "f1site.object_storage.ObjectStorage", "OPTIONS": bucket}
elif STORAGE_URL.geturl():
    raise ImproperlyConfigured(f"STORAGE_URL is {STORAGE_URL.geturl()!r}; s3://bucket/folder is wanted, or nothing.")
SQL = env.bool("SQL", default=True)  # whether everybody may ask in SQL, at /sql/ and /api/v1/sql/
MCP = env.bool("MCP", default=True)  # whether programs for language models may ask, at /mcp
STATIC_URL = "static/"
# Static files are served from the packages; or, compressed and named by their content, from a folder that `collectstatic` fills.
STATIC_ROOT = env.str("STATIC_ROOT", default="") or None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
if STATIC_ROOT:
    STORAGES["staticfiles"] = {"BACKEND": "f1site.static_files.HashedStaticFilesStorage"}

AUTHENTICATION_BACKENDS = ["api.logins.limits.LimitedBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "f1site.formats"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# OpenF1: the source of the data, and the request rates; the defaults are those that the service allows anonymous users.
OPENF1_FEEDS = "f1site.feeds.FEEDS"  # a name, so that no lower layer imports an upper one
OPENF1_BASE_URL = env.address("OPENF1_BASE_URL", default="https://api.openf1.org/v1")
OPENF1_REQUESTS_PER_SECOND = env.number("OPENF1_REQUESTS_PER_SECOND", default=3)
OPENF1_REQUESTS_PER_MINUTE = env.number("OPENF1_REQUESTS_PER_MINUTE", default=30)
OPENF1_USERNAME = env.str("OPENF1_USERNAME", default="")
OPENF1_PASSWORD = env.str("OPENF1_PASSWORD", default="")
# The live feed of paid accounts: mqtts://, or wss:// with a path where only the web's ports are open.
MQTT_SCHEMES = ("mqtts", "mqtt", "wss", "ws")
OPENF1_MQTT_URL = env.address("OPENF1_MQTT_URL", default="mqtts://mqtt.openf1.org:8883", schemes=MQTT_SCHEMES)
# The feed for other programs: a broker of the owner's that it is published on, with sensors for Home Assistant; and the hosts
# (with the port, where it is not the usual one) to which alerts may be posted.
LIVE_MQTT_URL = env.address("LIVE_MQTT_URL", default="", schemes=MQTT_SCHEMES)
LIVE_HOME_ASSISTANT = env.bool("LIVE_HOME_ASSISTANT", default=False)
LIVE_WEBHOOK_HOSTS = env.hosts("LIVE_WEBHOOK_HOSTS", default=[], with_port=True)
# Limits of what upstream may ask for or send: the longest Retry-After that is waited for, the time of a request, the size of an
# answer by collection, unpacked ("each" is of those that are not named), and hosts to which it may redirect besides its own.
OPENF1_MAX_RETRY_AFTER = env.number("OPENF1_MAX_RETRY_AFTER", default=900)
OPENF1_MAX_SECONDS = env.number("OPENF1_MAX_SECONDS", default=300, least=1)
OPENF1_MAX_MEGABYTES = env.sizes("OPENF1_MAX_MEGABYTES", default={"each": 32})
OPENF1_REDIRECT_HOSTS = env.hosts("OPENF1_REDIRECT_HOSTS", default=[], with_port=True)
# The answer of /v1 if no row matches: 404 as the hosted service, or with true 200 and [] as OpenF1's open-source server.
OPENF1_EMPTY_AS_LIST = env.bool("OPENF1_EMPTY_AS_LIST", default=False)

# Background work: jobs are in the database, the broker only carries messages that there are new ones. Without a broker a
# folder of messages is used: beside an SQLite database, else below MEDIA_ROOT.
database_file = str(DATABASES["default"]["NAME"])
broker_folder = f"{database_file}-broker" if Path(database_file).is_absolute() else str(Path(MEDIA_ROOT) / "broker")
CELERY_BROKER_URL = env.address("CELERY_BROKER_URL", default=f"filesystem://{broker_folder}", schemes=BROKERS)
CELERY_BROKER_FOLDER = None  # the folder of messages, if that is the broker
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
if CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
if CELERY_BROKER_URL.startswith("filesystem://"):
    CELERY_BROKER_FOLDER = Path(CELERY_BROKER_URL.removeprefix("filesystem://"))
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(CELERY_BROKER_FOLDER),
        "data_folder_out": str(CELERY_BROKER_FOLDER),
        "control_folder": str(CELERY_BROKER_FOLDER / "control"),
        "polling_interval": 0.5,
    }
CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_QUEUE", default="f1site")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TASK_IGNORE_RESULT = True  # results are in the rows of the jobs
CELERY_TASK_STORE_EAGER_RESULT = False
# A message is tried twice, because a connection that is kept may be of before the broker restarted; what is not sent even then
# is sent again by `jobs.queue.take_up`. Workers look for a broker that is away for as long as it takes.
CELERY_TASK_PUBLISH_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_WORKER_CONCURRENCY = env.number("WORKER_CONCURRENCY", default=2, least=1)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
DJANGO_CELERY_BEAT_TZ_AWARE = True
# Seconds without a heartbeat after which a worker counts as dead and another one takes up its jobs.
HEARTBEAT_TIMEOUT = env.number("HEARTBEAT_TIMEOUT", default=60, least=1, kind=float)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.logins.authentication.TokenAuthentication",  # first: its challenge turns a missing login into a 401
        "api.logins.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.ModelPermissions"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttling.Throttle"],
    "DEFAULT_PARSER_CLASSES": ["api.formats.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["api.formats.JSONRenderer", "api.formats.BrowsableRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.formats.Negotiation",
    "DEFAULT_PAGINATION_CLASS": "api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "api.filters.StrictFilterBackend",
        "api.ordering.StrictSearch",
        "api.ordering.StrictOrdering",
    ],
    "DEFAULT_SCHEMA_CLASS": "api.schema.Schema",
    "EXCEPTION_HANDLER": "api.errors.handle_exception",
    "NON_FIELD_ERRORS_KEY": "detail",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SPECTACULAR_SETTINGS = {
    "TITLE": "F1 Stats",
    "DESCRIPTION": (
        "Formula 1 race weekends, sessions, drivers, laps and stints, mirrored from OpenF1 and open to corrections. Reading is "
        "open to everybody. Writing and syncing need a token (`Authorization: Token …`, from `POST /api/v1/token/`) or the "
        "login of the admin, and the permission. Every failure is JSON: `detail`, or what is wrong by field."
    ),
    "VERSION": VERSION,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["api.schema.only_v1"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.openf1.description.add_openf1",
        "api.schema.share_parameters",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "JobStateEnum": "jobs.models.Job.State",
        "ExperimentStatusEnum": "ml.models.Experiment.Status",
        "RunStatusEnum": "ml.models.Run.Status",
        "RunEndEnum": "ml.serializers.runs.END_STATUSES",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SORT_OPERATION_PARAMETERS": "api.schema.parameter_order",
    "SWAGGER_UI_DIST": "SIDECAR",  # the page loads nothing from other sites
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "persistAuthorization": True},
    "REDOC_DIST": "SIDECAR",
}

LOGIN_REDIRECT_URL = "admin:index"
# The appearance of the admin; its pages are registered by the admin.py of each app.
UNFOLD = {
    "SITE_TITLE": "F1 Stats",
    "SITE_HEADER": "F1 Stats",
    "SITE_SUBHEADER": "Formula 1, mirrored",
    "SITE_SYMBOL": "sports_score",
    "STYLES": [lambda request: static("f1site/admin.css")],
    "SCRIPTS": [lambda request: static("f1site/admin.js")],
    "DASHBOARD_CALLBACK": "f1site.admin.site.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "f1site.admin.site.sidebar"},
}

# One log line per event, as text or JSON; structlog adds the context, such as the id of the request.
LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO")
LOG_FORMAT = env.choice("LOG_FORMAT", ("console", "json"), default="console")
# Plain tracebacks, as local variables could contain secrets.
console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
renderer = structlog.processors.JSONRenderer() if LOG_FORMAT == "json" else console
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(allow=("method", "path", "route", "status", "duration_ms", "user")),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([structlog.processors.format_exc_info] if LOG_FORMAT == "json" else []),
                renderer,
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["console"], "level": LOG_LEVEL, "propagate": False},
        "django.request": {"level": "ERROR"},  # refused requests are logged as all requests are
        "matplotlib": {"level": "WARNING"},
        "mcp": {"level": "WARNING"},  # else two lines for each request
        "botocore": {"level": "WARNING"},  # else a line for each thread that uses the bucket
    },
}

# Unexpected errors are also sent to Sentry, if a DSN is set; without users and request bodies.
SENTRY_DSN = env.address("SENTRY_DSN", default="")
if SENTRY_DSN:
    import sentry_sdk

    try:
        sentry_sdk.init(dsn=SENTRY_DSN, release=VERSION, send_default_pii=False, max_request_body_size="never")
    except sentry_sdk.utils.BadDsn as error:
        raise ImproperlyConfigured(f"SENTRY_DSN is no DSN of a project ({error}).") from error

counts_folder = env.str("PROMETHEUS_MULTIPROC_DIR", default="")
if counts_folder and not Path(counts_folder).is_dir():
    raise ImproperlyConfigured(f"PROMETHEUS_MULTIPROC_DIR is {counts_folder!r}, which is no folder.")
METRICS = env.bool("METRICS", default=False)  # whether /metrics answers in the format of Prometheus
# /readyz fails with less free disk, and, if set, when the last successful sync is older.
MIN_FREE_MB = env.number("MIN_FREE_MB", default=200)
MAX_SYNC_AGE_HOURS = env.number("MAX_SYNC_AGE_HOURS", default=0)
