"""Under which address the client reached us, so that the addresses we hand out lead back here."""

from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(request: Request, public_url: str) -> str:
    """Scheme, host and port for absolute addresses in answers; see :func:`origin`."""
    address = request.url
    return origin(address.scheme, address.netloc, request.scope.get("server"), public_url)


@lru_cache(maxsize=256)
def origin(scheme: str, host: str, server: tuple[str, int | None] | None, public_url: str) -> str:
    """Scheme, host and port for absolute addresses in answers.

    The Host header decides. Some clients (dicomweb-client among them) leave the port out of it; then the socket tells
    when it was reached directly, and the configured public address when a proxy stands in between.

    Parameters
    ----------
    server
        The address of the socket that was reached, when known.
    """
    address = urlsplit(f"{scheme}://{host}")
    if address.port is not None:
        return f"{scheme}://{host}"
    name, port = server or ("", None)
    if name == address.hostname and port not in {None, _DEFAULT_PORTS.get(scheme)}:
        return f"{scheme}://{host}:{port}"
    public = urlsplit(public_url)
    if public.hostname == address.hostname:
        return f"{public.scheme}://{public.netloc}"
    return f"{scheme}://{host}"
