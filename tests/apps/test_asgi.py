import asyncio
import os
import subprocess
import sys

import httpx
import pytest

from radcommons.apps.asgi import application


def _status(address: str) -> int:
    async def ask() -> int:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as visitor:
            return (await visitor.get(address)).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "address",
    [
        "/releases/chest-ct/%00/",
        "/api/v1/releases/%00",
        "/catalog/?modality=%00",
        "/dicom-web/releases/chest-ct/1.0.0/studies?PatientName=%00",
        "/viewer/s/%00/viewer",
    ],
)
def test_an_address_with_a_nul_byte_is_refused_before_any_room_sees_it(address: str) -> None:
    assert _status(address) == 400


# What decodes, draws pages and compares drawings is for limited processes and the worker; the web process has no memory for it.
NOT_LOADED = (
    *("radcommons.server.archive.pixel_work", "radcommons.server.intake.inspection", "radcommons.dicom.pixels"),
    *("radcommons.deid.verify", "imagecodecs", "pypdfium2", "scipy.ndimage", "scipy.optimize", "highdicom", "duckdb"),
    "gdcm",
)
LOADED = f"""
import sys
from radcommons.apps import bootstrap
from radcommons.apps.run.__main__ import leave_out
leave_out("web")
bootstrap.setup()
from django.urls import get_resolver
from radcommons.apps import asgi
get_resolver().url_patterns
print(*(name for name in {NOT_LOADED} if sys.modules.get(name)))
"""


def test_the_web_process_holds_nothing_that_decodes_or_compares(tmp_path):
    environment = os.environ | {"RADCOMMONS_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == []
