"""Sixty-four clients that read a series at a crawl: memory stays flat, others are served, and whoever goes on gets every byte."""

import re
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from tests.support.batches import uid, write_instance
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, wish

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services import Offer, store_instances
from radcommons.server.releases import services

CLIENTS, INSTANCES = 64, 16
PIXELS = bytes(range(256)) * 4096
# What may be under way for one client: a piece of a file, and what the connection holds of the one before.
FOR_EACH_BYTES = 3 << 20
PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@pytest.fixture
def series_url(live_server_url: str, tmp_path: Path) -> str:
    """A published series of sixteen megabytes."""
    offers = []
    for number in range(INSTANCES):
        path = tmp_path / f"{number}.dcm"
        write_instance(path, study="slow", number=number, Rows=512, Columns=1024, PixelData=PIXELS)
        offers.append(Offer(describe_file(path)[0], path))
    store_instances(offers, site=signed_site(), project="covid19", actor=ACTOR)
    study = offers[0].description.study_instance_uid
    clear_study(study)
    draft = services.draft(wish(), frozen_cohort(), actor=ACTOR)
    release = services.publish(draft.pk, actor=ACTOR)
    root = f"{live_server_url}/dicom-web/releases/{release.slug}/{release.version}"
    return f"{root}/studies/{study}/series/{offers[0].description.series_instance_uid}"


def slow_client(url: str) -> tuple[socket.socket, bytes]:
    """Ask, read the beginning, and leave the rest lying."""
    address = urlsplit(url)
    connection = socket.create_connection((str(address.hostname), address.port or 80), timeout=30)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAccept: {PARTS}\r\nConnection: close\r\n\r\n"
    connection.sendall(request.encode())
    return connection, connection.recv(1024)


def test_clients_that_do_not_read_cost_next_to_nothing_and_stop_nobody(series_url: str) -> None:
    whole = httpx.get(series_url, headers={"Accept": PARTS}).content
    assert len(whole) > INSTANCES * len(PIXELS)
    before = psutil.Process().memory_info().rss
    clients = [slow_client(series_url) for _ in range(CLIENTS)]
    time.sleep(1)

    assert psutil.Process().memory_info().rss - before < CLIENTS * FOR_EACH_BYTES
    assert len(httpx.get(f"{series_url}/instances").json()) == INSTANCES

    for connection, _ in clients[1:]:
        connection.close()
    connection, received = clients[0]
    pieces = [received]
    while piece := connection.recv(1 << 20):
        pieces.append(piece)
    connection.close()
    head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
    assert int(re.search(rb"content-length: (\d+)", head)[1]) == len(body) == len(whole)
    assert uid("instance", "slow", 1, INSTANCES - 1).encode() in body
