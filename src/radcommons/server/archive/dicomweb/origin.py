"""Under which address the client reached us, so that the addresses we hand out lead back here."""

from urllib.parse import urlsplit

from starlette.requests import Request

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(request: Request, public_url: str) -> str:
    """Scheme, host and port for absolute addresses in answers.

    The Host header decides. Some clients (dicomweb-client among them) leave the port out of it; then the socket tells
    when it was reached directly, and the configured public address when a proxy stands in between.
    """
    address = request.url
    if address.port is not None:
        return f"{address.scheme}://{address.netloc}"
    server = request.scope.get("server") or ("", None)
    if server[0] == address.hostname and server[1] not in {None, _DEFAULT_PORTS.get(address.scheme)}:
        return f"{address.scheme}://{address.netloc}:{server[1]}"
    public = urlsplit(public_url)
    if public.hostname == address.hostname:
        return f"{public.scheme}://{public.netloc}"
    return f"{address.scheme}://{address.netloc}"
