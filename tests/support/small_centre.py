"""A small centre with the wire of intake over real HTTP, which can be told to misbehave."""

import hashlib
import socket
import threading
import time
from collections import Counter, deque
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.manifest import BatchManifest
from radcommons.transfer.parts import MEDIA_TYPE, OPENING_BYTES, announcement_size, read_announcement

TOKEN = "rcs_made-up-token"


class SmallCentre:
    """What a centre knows: manifests, parts by digest, seals.

    ``faults`` are answered first, one a request; ``breaks`` says at how many parts a connection is cut.
    """

    def __init__(self):
        self.manifests = {}
        self.parts = {}
        self.sealed = set()
        self.summaries = {}
        self.requests = Counter()
        self.faults = []
        self.forgotten = []
        self.takes_many = True
        self.breaks = []
        self.received_bytes = 0
        self.refusal = None
        self.largest_chunk = 0
        self.running = 0
        self.most_running = 0
        self.delay_s = 0.0
        self.lock = threading.Lock()

    def missing(self, batch_id):
        return [each.sha256 for each in self.manifests[batch_id].files if each.sha256 not in self.parts]

    async def open_batch(self, request):
        try:
            manifest = BatchManifest.from_bytes(await request.body())
        except RadCommonsError as error:
            return JSONResponse(error.to_json(), 422)
        if self.refusal is not None:
            return JSONResponse(self.refusal, 403)
        self.manifests.setdefault(manifest.batch_id, manifest)
        state = "sealed" if manifest.batch_id in self.sealed else "receiving"
        answer = {"batch_id": manifest.batch_id, "state": state, "missing": self.missing(manifest.batch_id)}
        return JSONResponse(answer | ({"parts_media_type": MEDIA_TYPE} if self.takes_many else {}), 201)

    async def take_parts(self, request):
        head, body = b"", b""
        announced = None
        async for chunk in request.stream():
            self.largest_chunk = max(self.largest_chunk, len(chunk))
            self.received_bytes += len(chunk)
            body += chunk
            if (
                announced is None
                and len(body) >= OPENING_BYTES
                and len(body) >= announcement_size(body[:OPENING_BYTES])
            ):
                end = announcement_size(body[:OPENING_BYTES])
                head, body = body[:end], body[end:]
                announced = deque(read_announcement(head))
            while announced and len(body) >= announced[0].size_bytes:
                part = announced.popleft()
                self.parts[part.sha256], body = body[: part.size_bytes], body[part.size_bytes :]
                assert hashlib.sha256(self.parts[part.sha256]).hexdigest() == part.sha256
                if self.breaks and len(self.parts) >= self.breaks[0]:
                    del self.breaks[0]
                    raise ConnectionError
        return JSONResponse({"missing": [each.sha256 for each in announced if each.sha256 not in self.parts]})

    async def put_part(self, request):
        sha256 = request.path_params["sha256"]
        with self.lock:
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        try:
            pieces = []
            async for chunk in request.stream():
                self.largest_chunk = max(self.largest_chunk, len(chunk))
                pieces.append(chunk)
            body = b"".join(pieces)
        finally:
            with self.lock:
                self.running -= 1
        if hashlib.sha256(body).hexdigest() != sha256:
            return JSONResponse({"code": "intake.digest-mismatch", "message": "Other bytes than announced."}, 400)
        was_there = sha256 in self.parts
        self.parts[sha256] = body
        return Response(status_code=200 if was_there else 201)

    async def seal(self, request):
        batch_id = request.path_params["batch_id"]
        while self.forgotten:
            self.parts.pop(self.forgotten.pop(), None)
        missing = self.missing(batch_id)
        if missing:
            body = {"code": "intake.parts-missing", "message": "Parts are missing.", "missing": missing}
            return JSONResponse(body, 409)
        self.sealed.add(batch_id)
        self.summaries[batch_id] = await request.body()
        return JSONResponse({"state": "sealed"}, 202)

    async def batch(self, request):
        batch_id = request.path_params["batch_id"]
        if batch_id not in self.manifests:
            return JSONResponse({"code": "intake.no-such-batch", "message": "There is no such batch."}, 404)
        state = "verified" if batch_id in self.sealed else "receiving"
        return JSONResponse({"state": state, "counts": {"sent": len(self.parts)}, "findings": [], "studies": []})

    def application(self):
        root = "/api/v1/intake/batches"
        doors = [
            Route(root, self._door("open", self.open_batch), methods=["POST"]),
            Route(root + "/{batch_id}/parts", self._door("part", self.take_parts), methods=["POST"]),
            Route(root + "/{batch_id}/parts/{sha256}", self._door("part", self.put_part), methods=["PUT"]),
            Route(root + "/{batch_id}/seal", self._door("seal", self.seal), methods=["POST"]),
            Route(root + "/{batch_id}", self._door("batch", self.batch), methods=["GET"]),
        ]
        return Starlette(routes=doors)

    def _door(self, name, answer):
        async def guarded(request):
            self.requests[name] += 1
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                return JSONResponse({"code": "sites.unknown-token", "message": "Unknown contributor token."}, 401)
            for fault in self.faults:
                if fault[0] == name:
                    self.faults.remove(fault)
                    return Response("busy", fault[1], headers=fault[2] if len(fault) > 2 else None)
            return await answer(request)

        return guarded


@contextmanager
def running(centre, port=0):
    """Serve a small centre on the loopback interface; yields its address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(centre.application(), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
