"""The one settings file: every difference between deployments is an environment variable with a safe default.

Variables are read from the environment and from a `.env` file beside manage.py (`.env.example` lists them all).
"""

import secrets
from pathlib import Path
from urllib.parse import quote

import environ

from f1site import __version__

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")


def kept_secret(path: Path) -> str:
    """The key in `path`, made on first use, so that sessions survive a restart without anybody choosing a secret."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(64))
    return path.read_text()


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(BASE_DIR / ".secret_key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "f1site",
    "f1site.openf1",
    "races",
    "drivers",
    "telemetry",
    "ml",
    "django_celery_beat",
    "f1site.jobs",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "f1site.api.middleware.OptionalTrailingSlash",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{quote(str(BASE_DIR / 'db.sqlite3'))}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Readers never wait for a writer (WAL); a writer takes its lock when it begins, so that it waits for its turn
    # instead of failing half-way with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;",
    }
# Connections stay open between requests: to open one costs more than most queries.
DATABASES["default"] |= {"CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=600), "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(BASE_DIR / "media"))
MEDIA_URL = "media/"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # static files are served from the packages; nothing has to be collected first

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

# OpenF1: where the data comes from, and how fast we may ask. The pace is what the hosted service grants anonymous users.
OPENF1_FEEDS = "f1site.feeds.FEEDS"  # what is synced; named here so that no lower layer imports an upper one
OPENF1_BASE_URL = env.str("OPENF1_BASE_URL", default="https://api.openf1.org/v1")
OPENF1_REQUESTS_PER_SECOND = env.int("OPENF1_REQUESTS_PER_SECOND", default=3)
OPENF1_REQUESTS_PER_MINUTE = env.int("OPENF1_REQUESTS_PER_MINUTE", default=30)
OPENF1_USERNAME = env.str("OPENF1_USERNAME", default="")
OPENF1_PASSWORD = env.str("OPENF1_PASSWORD", default="")
# What /v1 says when nothing matches: the hosted service's 404, or with true the 200 and [] of OpenF1's open-source server.
OPENF1_EMPTY_AS_LIST = env.bool("OPENF1_EMPTY_AS_LIST", default=False)

# Background work: what is to be done is in the database, the broker only carries the word that there is something. Without one
# a folder does: beside an SQLite database, else below MEDIA_ROOT.
database_file = str(DATABASES["default"]["NAME"])
beside = f"{database_file}-broker" if Path(database_file).is_absolute() else str(Path(MEDIA_ROOT) / "broker")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=f"filesystem://{beside}")
CELERY_BROKER_FOLDER = None  # of messages, where the broker is one
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
CELERY_TASK_IGNORE_RESULT = True  # the job's row has it
CELERY_TASK_STORE_EAGER_RESULT = False
CELERY_TASK_PUBLISH_RETRY = False  # what was not sent is sent again once the broker is back
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=2)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
DJANGO_CELERY_BEAT_TZ_AWARE = True
# Seconds without a sign of life after which a worker counts as dead, and what it did is taken up by another.
HEARTBEAT_TIMEOUT = env.float("HEARTBEAT_TIMEOUT", default=60)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",  # first: its challenge makes a missing login a 401
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["f1site.api.permissions.ModelPermissions"],
    "DEFAULT_PARSER_CLASSES": ["f1site.api.formats.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["f1site.api.formats.JSONRenderer", "f1site.api.formats.BrowsableRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "f1site.api.formats.Negotiation",
    "DEFAULT_PAGINATION_CLASS": "f1site.api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "f1site.api.filters.StrictFilterBackend",
        "f1site.api.filters.StrictSearch",
        "f1site.api.filters.StrictOrdering",
    ],
    "DEFAULT_SCHEMA_CLASS": "f1site.api.schema.Schema",
    "EXCEPTION_HANDLER": "f1site.api.errors.handle",
    "NON_FIELD_ERRORS_KEY": "detail",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SPECTACULAR_SETTINGS = {
    "TITLE": "F1 Stats",
    "DESCRIPTION": (
        "Formula 1 race weekends, sessions, drivers, laps and stints, mirrored from OpenF1 and open to corrections. Reading is "
        "open to everybody. Writing and syncing need a token (`Authorization: Token …`, made with `manage.py drf_create_token`) "
        "or the login of the admin, and the permission. Every failure is JSON: `detail`, or what is wrong by field."
    ),
    "VERSION": __version__,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["f1site.api.schema.only_v1"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "f1site.api.schema.share_parameters"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"JobStateEnum": "f1site.jobs.models.Job.State"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SORT_OPERATION_PARAMETERS": "f1site.api.schema.by_use",
    "SWAGGER_UI_DIST": "SIDECAR",  # served from here: the page asks nobody else
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "persistAuthorization": True},
    "REDOC_DIST": "SIDECAR",
}

LOGIN_REDIRECT_URL = "admin:index"
# The admin's looks; what is in it is registered by each app's admin.py.
UNFOLD = {
    "SITE_TITLE": "F1 Stats",
    "SITE_HEADER": "F1 Stats",
    "SITE_SUBHEADER": "Formula 1, mirrored",
    "SITE_SYMBOL": "sports_score",
    "DASHBOARD_CALLBACK": "f1site.admin.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "f1site.admin.sidebar"},
}

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {"django": {"handlers": ["console"], "level": LOG_LEVEL, "propagate": False}},
}
