"""The store that this centre is configured with."""

import os
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.objects.cloud import CloudObjects
from radcommons.server.platform.objects.local import LocalObjects
from radcommons.server.platform.objects.store import ObjectStore, Places, full
from radcommons.server.platform.settings import settings

LEAST_FREE_BYTES = 64 << 20
_places: list[Places] = []


def ask_for_places(places: Places) -> None:
    """Say who knows where published instances lie; the archive does when it is loaded."""
    _places[:] = [places]


def object_store() -> ObjectStore:
    """The store this centre is configured with."""
    current = settings()
    return _store_for(current.objects_url, current.data_dir)


def trouble() -> RadCommonsError | None:
    """Why the store cannot be used at this moment, found out within seconds; None when it can."""
    url = settings().objects_url
    try:
        store = object_store()
        if isinstance(store, CloudObjects):
            store = _impatient(url)
        elif isinstance(store, LocalObjects) and store.root.exists() and not os.access(store.root, os.W_OK):
            return UnavailableError("platform.store-unavailable", "The folder of the object store cannot be written.")
        store.exists("doctor/probe")
        free = store.free_bytes()
    except RadCommonsError as error:
        return error
    return full() if free is not None and free < LEAST_FREE_BYTES else None


@cache
def _impatient(url: str) -> CloudObjects:
    """The same bucket, asked once and for a moment only."""
    brief = {"connect_timeout": "2s", "read_timeout": "3s", "timeout": "4s"}
    return CloudObjects(url, retry={"max_retries": 0}, client=brief)


def kind_of_store() -> str:
    """Where objects are kept, in words without credentials."""
    url = settings().objects_url
    parts = urlsplit(url)
    if not url or parts.scheme == "file":
        return "a folder on this machine's disks"
    return f"the bucket {parts.netloc}"


@cache
def _store_for(url: str, data_dir: Path) -> ObjectStore:
    if not url:
        return LocalObjects(data_dir / "objects")
    parts = urlsplit(url)
    return LocalObjects(Path(unquote(parts.path))) if parts.scheme == "file" else CloudObjects(url, places=_place)


def _place(sha256: str) -> str | None:
    return _places[0](sha256) if _places else None
