"""What an answer must be, and what a refusal is called. Pure: an answer in, an error out or nothing."""

import socket
import ssl
import time
from email.utils import parsedate_to_datetime

import orjson

from radcommons.client.errors import DigestError, RemoteError, printable
from radcommons.client.http1 import Answer, CutOffError, ProtocolError
from radcommons.dicom.errors import Kind

UNREACHABLE = "client.unreachable"
LONGEST_REFUSAL_BYTES = 1 << 16
RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
# What a repository says of a file that a person must repair first: whoever waits a minute, waits in vain.
LASTING_CODES = frozenset({"archive.object-damaged"})
# What whoever asked can do, after the words of the server or the bare number.
_HINTS = {
    401: " Give a token with --token or in RADCOMMONS_TOKEN; the page of your account makes them.",
    407: " The proxy wants a name and a password: put them into its address (HTTP_PROXY, HTTPS_PROXY).",
}
KINDS = {
    400: Kind.INVALID,
    401: Kind.UNAUTHENTICATED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    410: Kind.GONE,
    422: Kind.INVALID,
}
_LASTING = frozenset({"CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "HTTP_REQUEST"})
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted here. Check the address, this machine's clock, or SSL_CERT_FILE",
    ),
    (ssl.SSLError, "it does not speak HTTPS there"),
    (socket.gaierror, "no machine of that name is known. Check the address and the network"),
    (TimeoutError, "no answer came in time"),
    # So says a system that waits itself (SO_RCVTIMEO).
    (BlockingIOError, "no answer came in time"),
    (ConnectionRefusedError, "nothing listens at that address and port"),
    (ConnectionError, "the connection was closed without an answer"),
    (ProtocolError, "what answers there is no web server"),
)


def demand_start(answer: Answer, start: int) -> None:
    """Refuse a part that begins elsewhere than asked for."""
    if not answer.header("content-range").startswith(f"bytes {start}-"):
        raise RemoteError(Kind.UNAVAILABLE, "client.wrong-range", "The server sent another part than asked for.")


def demand_length(answer: Answer, length: int) -> None:
    """Refuse before the first byte is written what announces another length: an error page, or another file."""
    announced = answer.header("content-length")
    if announced and announced != str(length):
        raise DigestError(
            "Another length is announced than the release promises: another file, or the page of a proxy."
        )


def cut_off() -> RemoteError:
    """The connection ended before a file did."""
    return RemoteError(Kind.UNAVAILABLE, "client.cut-off", "The connection ended too early.", may_retry=True)


def unreachable(error: Exception) -> RemoteError:
    """The other side did not answer, or not to the end."""
    if isinstance(error, CutOffError):
        return cut_off()
    reason = next((words for kind, words in _REASONS if isinstance(error, kind)), type(error).__name__)
    message = f"The repository cannot be reached: {reason}."
    # Who is not trusted, or does not speak HTTPS, is and does the same after a pause.
    is_lasting = isinstance(error, ssl.SSLError) and error.reason in _LASTING
    return RemoteError(Kind.UNAVAILABLE, UNREACHABLE, message, may_retry=not is_lasting)


def refusal(answer: Answer) -> RemoteError:
    """Why an answer is none that was asked for, in the words of the server where it has some."""
    facts: dict[str, object] = {"status": answer.status}
    asked = retry_after_s(answer.header("retry-after"))
    if asked is not None:
        facts["retry_after_s"] = asked
    code, message = "client.refused", f"The repository answered {answer.status}."
    try:
        body = orjson.loads(answer.beginning(LONGEST_REFUSAL_BYTES))
        code, message = printable(str(body["code"])), printable(str(body["message"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        facts["is_plain"] = True
    kind, message = KINDS.get(answer.status, Kind.UNAVAILABLE), message + _HINTS.get(answer.status, "")
    may_retry = answer.status in RETRY_STATUS and code not in LASTING_CODES
    return RemoteError(kind, code, message, may_retry=may_retry, **facts)


def retry_after_s(text: str) -> float | None:
    """Seconds to wait as a server asks (RFC 9110 10.2.3): a number, or a date."""
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
