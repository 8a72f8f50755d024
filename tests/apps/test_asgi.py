import asyncio

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
