"""Where the objects lie, for programs that read a bucket themselves. Pure but for the settings."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from radcommons.server.access.errors import ObjectsOnDiskError
from radcommons.server.platform.settings import settings

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 bucket and the folder in it, without slashes around."""

    name: str
    prefix: str

    def key(self, object_key: str) -> str:
        """The key in the bucket of what the object store calls so."""
        return f"{self.prefix}/{object_key}" if self.prefix else object_key

    def url(self, object_key: str) -> str:
        """The address of what the object store calls so."""
        return f"s3://{self.name}/{self.key(object_key)}"


def bucket() -> Bucket | None:
    """The bucket of this centre; None when its objects lie elsewhere."""
    parts = urlsplit(settings().objects_url)
    return Bucket(parts.netloc, parts.path.strip("/")) if parts.scheme == "s3" and parts.netloc else None


def needed_bucket() -> Bucket:
    """The bucket of this centre.

    Raises
    ------
    ObjectsOnDiskError
        When there is none.
    """
    found = bucket()
    if found is None:
        raise ObjectsOnDiskError
    return found


def path_part(text: str) -> str:
    """Text as one part of a path on any system, on a line of any list."""
    safe = _UNSAFE.sub("_", text)[:100]
    return safe if safe.strip(".") else "_"
