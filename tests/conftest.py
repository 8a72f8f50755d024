"""Real parts for the tests: an embedded PostgreSQL, an object store in a folder, the real ASGI application.

The environment is prepared before Django reads its settings, hence at import.
"""

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from radcommons.server.platform.postgres import EmbeddedPostgres
from radcommons.server.platform.settings import settings

_DATA = Path(tempfile.mkdtemp(prefix="radcommons-tests-"))
_DATA.chmod(0o755)
_POSTGRES = EmbeddedPostgres(_DATA / "postgres")
# The processes of one parallel run share a server, where each has a database of its own; files they never share.
_IS_PART_OF_A_RUN = "PYTEST_XDIST_WORKER" in os.environ


def _clean() -> None:
    if not _IS_PART_OF_A_RUN:
        _POSTGRES.stop()
    shutil.rmtree(_DATA, ignore_errors=True)


def _forgetful(url: str) -> None:
    """Let the server of the tests not wait for the disk; tests of crashes start servers of their own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


os.environ["RADCOMMONS_DATA"] = str(_DATA)
if not _IS_PART_OF_A_RUN:
    os.environ["RADCOMMONS_DATABASE_URL"] = _POSTGRES.ensure_running()
    _forgetful(os.environ["RADCOMMONS_DATABASE_URL"])
os.environ["DJANGO_SETTINGS_MODULE"] = "radcommons.apps.django_settings"
# The test runner may have read the settings that the parent process left in the environment.
settings.cache_clear()
atexit.register(_clean)

from radcommons.apps import bootstrap  # noqa: E402

bootstrap.setup()

from django.apps import AppConfig  # noqa: E402
from django.conf import settings as django_settings  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.db.models.signals import post_migrate  # noqa: E402
from django.dispatch import receiver  # noqa: E402

# Threads of the server and of jobs come and go in tests: none may keep a connection when it ends.
connections.settings["default"]["CONN_MAX_AGE"] = 0
django_settings.PASSWORD_HASHERS = ["tests.support.quick_hashing.QuickArgon2", *django_settings.PASSWORD_HASHERS]

import pytest  # noqa: E402
import pytest_django  # noqa: E402
from django.test import Client  # noqa: E402
from tests.support import seaweed  # noqa: E402
from tests.support.real_server import running_server  # noqa: E402

from radcommons.apps import worker  # noqa: E402
from radcommons.dicom.isolation import preload  # noqa: E402
from radcommons.server.platform import accounts, objects  # noqa: E402
from radcommons.server.platform.actors import actor_of_user  # noqa: E402
from radcommons.server.platform.models import User  # noqa: E402
from radcommons.server.platform.policy import Actor, Role  # noqa: E402

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SYSTEM = Actor.system("tests")
# What each limited process of most tests would load by itself; it begins with the main module, which is pytest.
preload("pytest", "radcommons.edge.work")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """End what threads that no longer run have left open, so that the test database can be dropped."""
    yield
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(others, [connection.connection.info.backend_pid])


@receiver(post_migrate, dispatch_uid="empty queue")
def _empty_queue(sender: AppConfig, using: str, **_: object) -> None:
    """Empty the queue with the tables: they are flushed without it, and numbers that begin anew give old jobs' names again."""
    if sender.name == "procrastinate.contrib.django":
        with connections[using].cursor() as cursor:
            cursor.execute("UPDATE procrastinate_periodic_defers SET job_id = NULL; DELETE FROM procrastinate_jobs")


def _user_of(role: Role | str | None, site_code: str | None) -> User:
    name = f"{Role(role).value if role else 'nobody'}-{(site_code or 'all').lower()}"
    user = User.objects.filter(username=name).first()
    if user is None:
        user = accounts.create_account(name, actor=SYSTEM, password="correct horse battery")
        if role:
            accounts.grant_role(name, Role(role), actor=SYSTEM, site_code=site_code or "")
    return user


@pytest.fixture
def actor_of(db: None) -> Callable[..., Actor]:
    """An account's actor by role, and site for coordinators."""
    return lambda role, site_code=None: actor_of_user(_user_of(role, site_code))


@pytest.fixture
def client_of(db: None) -> Callable[..., Client]:
    """A browser signed in by role; None gives an account without any role, "anonymous" nobody."""

    def make(role: str | None, site_code: str | None = None) -> Client:
        client = Client()
        if role != "anonymous":
            client.force_login(_user_of(role, site_code))
        return client

    return make


@pytest.fixture
def tmp_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[objects.ObjectStore]:
    """An object store and staging folder of the test's own."""
    shutil.rmtree(settings().data_dir / "objects", ignore_errors=True)
    shutil.rmtree(settings().staging_dir, ignore_errors=True)
    yield objects.object_store()
    shutil.rmtree(settings().data_dir / "objects", ignore_errors=True)
    shutil.rmtree(settings().staging_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweed.Seaweed]:
    server = seaweed.Seaweed(tmp_path_factory.mktemp("weed"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables with which a program reaches the tests' S3 server."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3_url(_s3_server: seaweed.Seaweed, s3_credentials: None) -> Callable[[], str]:
    """Addresses of folders of the test's own on a real S3 server that all tests share."""
    return lambda: _s3_server.url(uuid.uuid4().hex)


@pytest.fixture
def s3_objects(
    s3_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch, tmp_store: objects.ObjectStore
) -> Iterator[objects.ObjectStore]:
    """The centre's objects in a bucket instead of a folder."""
    monkeypatch.setenv("RADCOMMONS_OBJECTS_URL", s3_url())
    settings.cache_clear()
    yield objects.object_store()
    monkeypatch.delenv("RADCOMMONS_OBJECTS_URL")
    settings.cache_clear()


@pytest.fixture
def run_worker(transactional_db: None) -> Callable[[], None]:
    """Do all waiting jobs and deliver all facts, as the worker would, then return.

    Jobs that an earlier test left are not emptied with its tables: one that waits to be tried again would stand for a job
    of this test, since numbers of batches begin anew.
    """
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
    return worker.run_until_idle


@pytest.fixture
def live_server_url(transactional_db: None, tmp_store: objects.ObjectStore) -> Iterator[str]:
    """The real ASGI application under uvicorn on a free loopback port."""
    with running_server() as url:
        yield url


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real test data; see its README for licences."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data is not beside the checkout")
    return SHARED_DATA


# Whole flows take longest: begun first, none of them leaves one of two processes idle at the end.
_BEGUN_FIRST = ("journey", "browser", "conformance", "hostile", "edge")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders with the longest tests before the others; within them nothing moves."""
    order = {name: place for place, name in enumerate(_BEGUN_FIRST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(Path(__file__).parent).parts[0], len(order)))
