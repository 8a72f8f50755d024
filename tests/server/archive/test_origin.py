import pytest
from starlette.requests import Request

from radcommons.server.archive.origin import origin_of

PUBLIC = "https://repo.example.org"


def request(host, *, server=("127.0.0.1", 8042), scheme="http"):
    headers = [(b"host", host.encode())]
    return Request(
        {"type": "http", "scheme": scheme, "server": server, "path": "/", "headers": headers, "query_string": b""}
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("repo.example.org:8443", "http://repo.example.org:8443"),
        ("127.0.0.1", "http://127.0.0.1:8042"),
        ("repo.example.org", "https://repo.example.org"),
        ("other.example.org", "http://other.example.org"),
    ],
)
def test_addresses_lead_back_to_where_the_client_came_from(host, expected):
    assert origin_of(request(host), PUBLIC) == expected


def test_default_ports_are_left_out():
    assert origin_of(request("127.0.0.1", server=("127.0.0.1", 80)), PUBLIC) == "http://127.0.0.1"
    assert origin_of(request("h", server=None), PUBLIC) == "http://h"
