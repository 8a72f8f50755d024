"""The web process: uvicorn on the ASGI application."""

import gc

import uvicorn

from radcommons.apps import asgi
from radcommons.apps.protocol import HttpProtocol

KEEP_ALIVE_S = 30


def main(host: str, port: str) -> None:
    """Serve until told to stop; requests under way are finished first."""
    # What is loaded stays as long as the process: looking through all of it for garbage took up to 180 ms in the middle of a request.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        asgi.application,
        host=host,
        port=int(port),
        http=HttpProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=8,
        lifespan="on",
    )
