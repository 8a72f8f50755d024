"""Reading a bucket of any S3-compatible store: addresses signed by Signature Version 4, and listings. Nothing is written.

Without keys the addresses are plain ones, which open public buckets. An address in the query of which the signature stands
needs no headers, so that files are fetched like any others.
"""

import hashlib
import hmac
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

from radcommons.client.errors import ListError, RemoteError
from radcommons.client.remote import RENEWED_BEFORE_S, Address, Remote
from radcommons.dicom.errors import Kind

VALID_S = 12 * 3600
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SAFE = "-_.~"
_MD5_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a bucket that is not public, as Amazon's programs know it."""

    access_key: str
    secret_key: str
    session_token: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Keys | None":
        """The usual variables; None where they are not set."""
        access, secret = environment.get("AWS_ACCESS_KEY_ID", ""), environment.get("AWS_SECRET_ACCESS_KEY", "")
        return cls(access, secret, environment.get("AWS_SESSION_TOKEN", "")) if access and secret else None


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a listing; ``md5`` is empty where its tag is none."""

    key: str
    size_bytes: int
    md5: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket at a store.

    Parameters
    ----------
    endpoint
        Address of the store; empty for Amazon's.
    """

    name: str
    endpoint: str = ""
    region: str = "us-east-1"
    keys: Keys | None = None

    def address(self, key: str = "", query: Mapping[str, str] | None = None, *, now: float | None = None) -> Address:
        """Where an object, or with a query a listing, is had."""
        base = self._base()
        path = f"{urlsplit(base).path}/{quote(key, safe='/' + _SAFE)}"
        host, scheme = urlsplit(base).netloc, urlsplit(base).scheme
        if self.keys is None:
            text = urlencode(query or {}, quote_via=quote, safe=_SAFE)
            return Address(f"{scheme}://{host}{path}{'?' if text else ''}{text}", _far())
        signed = self._signed(host, path, dict(query or {}), time.time() if now is None else now)
        return Address(f"{scheme}://{host}{path}?{signed}", time.monotonic() + VALID_S - RENEWED_BEFORE_S)

    def objects(self, remote: Remote, prefix: str) -> Iterator[Object]:
        """The objects whose keys begin so, in the order of their keys, a thousand a request.

        Raises
        ------
        RemoteError
            When the store refuses, stays unreachable, or answers with something else.
        """
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            page = _parsed(remote.document(self.address(query=query).url))
            for entry in page.iter("Contents"):
                tag = entry.findtext("ETag", "").strip('"')
                is_md5 = len(tag) == _MD5_DIGITS and not tag.strip("0123456789abcdef")
                yield Object(entry.findtext("Key", ""), int(entry.findtext("Size", "0")), tag if is_md5 else "")
            token = page.findtext("NextContinuationToken", "")
            if page.findtext("IsTruncated", "") != "true" or not token:
                return

    def _base(self) -> str:
        if self.endpoint:
            return f"{self.endpoint.rstrip('/')}/{quote(self.name, safe=_SAFE)}"
        # A name with dots fits no certificate of Amazon's but the store's own.
        if "." in self.name:
            return f"https://s3.{self.region}.amazonaws.com/{quote(self.name, safe=_SAFE)}"
        return f"https://{self.name}.s3.amazonaws.com"

    def _signed(self, host: str, path: str, query: dict[str, str], now: float) -> str:
        """The query of an address with its signature (AWS Signature Version 4, query string)."""
        keys = self.keys
        if keys is None:
            raise ValueError("There is nothing to sign with.")
        moment = datetime.fromtimestamp(now, UTC)
        stamp, scope = moment.strftime("%Y%m%dT%H%M%SZ"), f"{moment:%Y%m%d}/{self.region}/s3/aws4_request"
        query |= {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{keys.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(VALID_S),
            "X-Amz-SignedHeaders": "host",
        }
        if keys.session_token:
            query["X-Amz-Security-Token"] = keys.session_token
        text = urlencode(sorted(query.items()), quote_via=quote, safe=_SAFE)
        request = f"GET\n{path}\n{text}\nhost:{host}\n\nhost\n{_UNSIGNED}"
        words = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{keys.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return f"{text}&X-Amz-Signature={hmac.digest(key, words.encode(), 'sha256').hex()}"


def bucket_of(name: str, endpoint: str | None, environment: Mapping[str, str] = os.environ) -> Bucket:
    """A bucket as the options and the usual variables say.

    Raises
    ------
    ListError
        When the endpoint is no address.
    """
    place = endpoint or environment.get("S3_ENDPOINT_URL") or environment.get("AWS_ENDPOINT_URL") or ""
    if place and not place.startswith(("http://", "https://")):
        raise ListError("The endpoint of the store must begin with http(s)://.")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return Bucket(name, place, region, Keys.of(environment))


def _far() -> float:
    return time.monotonic() + 10 * 365 * 86_400


def _parsed(document: bytes) -> ET.Element:
    """A listing without its namespaces."""
    no_listing = RemoteError(
        Kind.UNSUPPORTED, "client.no-listing", "The store answered with something else than a listing."
    )
    # Without declarations there are no entities to expand.
    if b"<!" in document:
        raise no_listing
    try:
        tree = ET.fromstring(document)  # noqa: S314 - see above
    except ET.ParseError as error:
        raise no_listing from error
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    if tree.tag != "ListBucketResult":
        raise no_listing
    return tree
