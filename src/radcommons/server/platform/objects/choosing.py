"""The store that this centre is configured with."""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from radcommons.server.platform.objects.cloud import CloudObjects
from radcommons.server.platform.objects.local import LocalObjects
from radcommons.server.platform.objects.store import ObjectStore, Places
from radcommons.server.platform.settings import settings

_places: list[Places] = []


def ask_for_places(places: Places) -> None:
    """Say who knows where published instances lie; the archive does when it is loaded."""
    _places[:] = [places]


def object_store() -> ObjectStore:
    """The store this centre is configured with."""
    current = settings()
    return _store_for(current.objects_url, current.data_dir)


@cache
def _store_for(url: str, data_dir: Path) -> ObjectStore:
    if not url:
        return LocalObjects(data_dir / "objects")
    parts = urlsplit(url)
    return LocalObjects(Path(unquote(parts.path))) if parts.scheme == "file" else CloudObjects(url, places=_place)


def _place(sha256: str) -> str | None:
    return _places[0](sha256) if _places else None
