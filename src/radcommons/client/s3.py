"""Reading a bucket of any S3-compatible store through obstore: what lies there, and addresses that open it. Nothing is written.

obstore is an extra, so this module is imported only when a list of objects in buckets is downloaded.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from radcommons.client.answers import KINDS
from radcommons.client.errors import ListError, RemoteError
from radcommons.client.remote import RENEWED_BEFORE_S, Address
from radcommons.dicom.errors import Kind

VALID_S = 12 * 3600
PAGE = 1000
_RETRY: Mapping[str, Any] = {
    "max_retries": 8,
    "backoff": {"init_backoff": timedelta(seconds=0.5), "max_backoff": timedelta(seconds=30), "base": 2},
    "retry_timeout": timedelta(minutes=3),
}
# What a public bucket's addresses are "signed" with before the signature is taken off them again.
_NOBODY = "nobody"
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_STATUS = re.compile(r"non-2xx status code: (\d{3})")


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a bucket; ``md5`` is empty where its tag is none."""

    key: str
    size_bytes: int
    md5: str


class Bucket:
    """A bucket at a store. Safe to share between threads.

    Parameters
    ----------
    endpoint
        Address of the store; empty for Amazon's.
    access_key
        Whose keys open the bucket; empty for a public one. What belongs to it (secret, session, region) obstore takes from
        the usual variables.
    retry
        How failing requests are repeated; obstore's ``RetryConfig``.

    Raises
    ------
    ListError
        When the endpoint is no address, or the secret of the key is not known.
    """

    def __init__(
        self, name: str, endpoint: str = "", *, access_key: str = "", retry: Mapping[str, Any] = _RETRY
    ) -> None:
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise ListError("The endpoint of the store must begin with http(s)://.")
        self.name, self.endpoint = name, endpoint
        self._is_public = not access_key
        keys: dict[str, Any] = {"access_key_id": access_key}
        if self._is_public:
            keys = {"access_key_id": _NOBODY, "secret_access_key": _NOBODY, "skip_signature": True}
        try:
            self._store = S3Store(
                name,
                client_options={"allow_http": endpoint.startswith("http://")},
                retry_config=dict(retry),  # type: ignore[arg-type]
                **_place(name, endpoint),
                **keys,
            )
        except (BaseError, ValueError) as error:
            message = "The bucket cannot be opened as the AWS variables say. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither."
            raise ListError(message) from error

    def address(self, key: str) -> Address:
        """Where an object is had, without headers; made here, without asking the store."""
        with _store_errors():
            url = str(obstore.sign(self._store, "GET", _demand_plain(key), timedelta(seconds=VALID_S)))
        if self._is_public:
            return Address(url.partition("?")[0])
        return Address(url, time.monotonic() + VALID_S - RENEWED_BEFORE_S)

    def find(self, key: str) -> Object | None:
        """One object; None where there is none, or no such bucket.

        Raises
        ------
        RemoteError
            When the store refuses, stays unreachable, or answers as no store does.
        """
        with _store_errors():
            try:
                return _object(obstore.head(self._store, _demand_plain(key)))
            except FileNotFoundError:
                return None

    def objects(self, prefix: str) -> Iterator[Object]:
        """The objects whose keys begin so, a thousand a request.

        Raises
        ------
        RemoteError
            When the store refuses, stays unreachable, has no such bucket, or answers as no store does.
        """
        folder, _, begun = prefix.rpartition("/")
        # obstore lists folders; of one, what comes long before the prefix is passed over, and what comes after is not asked for.
        offset = _demand_plain(prefix[:-1]) if len(begun) > 1 else None
        with _store_errors():
            for page in obstore.list(self._store, _demand_plain(folder) or None, offset=offset, chunk_size=PAGE):
                for entry in page:
                    found = _object(entry)
                    if found.key.startswith(prefix):
                        if not self._is_folder(found):
                            yield found
                    # Stores order by whole keys or by the names in them.
                    elif found.key > prefix and found.key.split("/") > prefix.split("/"):
                        return

    def _is_folder(self, found: Object) -> bool:
        """Whether it is somebody's folder: an empty object whose key ends in a slash, which obstore leaves out."""
        return not found.size_bytes and self.find(found.key) is None


def _place(name: str, endpoint: str) -> dict[str, Any]:
    if endpoint:
        return {"aws_endpoint_url_s3": endpoint.rstrip("/"), "virtual_hosted_style_request": False}
    # A name with dots fits no certificate of Amazon's but the region's own.
    if "." in name:
        return {}
    return {"aws_endpoint_url_s3": f"https://{name}.s3.amazonaws.com", "virtual_hosted_style_request": True}


def _object(entry: Mapping[str, Any]) -> Object:
    tag = _MD5.fullmatch(entry["e_tag"] or "")
    return Object(str(entry["path"]), int(entry["size"]), tag[1] if tag else "")


def _demand_plain(key: str) -> str:
    """A key as obstore takes them: it would ask for another object where a part is empty, and for none where one is dots."""
    if key and any(part in {"", ".", ".."} for part in key.split("/")):
        raise ListError("The list names an object with an empty part or dots between the slashes of its name.")
    return key


@contextmanager
def _store_errors() -> Iterator[None]:
    """Turn obstore's exceptions into the house's; their texts, which hold addresses and keys, go no further."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise _refusal(str(error)) from error


def _refusal(text: str) -> RemoteError:
    found = _STATUS.search(text)
    if found is not None:
        return _refused(int(found[1]))
    if "Received redirect" in text:
        return RemoteError(
            Kind.INVALID, "client.other-region", "The bucket is in another region. Set AWS_REGION to it."
        )
    if " - HTTP error" in text:
        return RemoteError(
            Kind.UNAVAILABLE,
            "client.unreachable",
            "The store of the bucket cannot be reached. Check --endpoint-url and the network.",
        )
    return RemoteError(
        Kind.UNSUPPORTED,
        "client.no-listing",
        "The store answered as no S3 store does. Check --endpoint-url.",
    )


def _refused(status: int) -> RemoteError:
    if status == HTTPStatus.NOT_FOUND:
        return RemoteError(
            Kind.NOT_FOUND, "client.no-bucket", "The store has no bucket of the name that the list says.", status=status
        )
    hint = ""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        hint = " Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; without them the bucket is taken as public."
    kind = KINDS.get(status, Kind.UNAVAILABLE)
    return RemoteError(kind, "client.refused", f"The store of the bucket answered {status}.{hint}", status=status)
