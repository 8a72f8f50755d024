"""What a demonstration does when it cannot begin, or no hospital could send anything."""

import socket

import pytest

from radcommons.apps.demo.progress import Steps
from radcommons.apps.demo.run import Demonstration, DemoOptions, demand_sent
from radcommons.apps.supervisor import lock
from radcommons.dicom.errors import RadCommonsError


def _begin(tmp_path, port):
    options = DemoOptions(data=tmp_path, source=None, port=port, is_kept_open=True, processes=1)
    with Demonstration(options, Steps(is_quiet=False), stop_timeout_s=0) as demonstration:
        demonstration.run()


def test_a_port_that_another_program_has_is_refused_before_anything_is_made(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(RadCommonsError, match="Choose another with --port") as refused:
            _begin(tmp_path, other.getsockname()[1])
    assert refused.value.code == "serve.port-taken"
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_in_use_is_refused_and_the_passwords_of_its_accounts_stay(tmp_path, capsys):
    with lock(tmp_path / "centre"), pytest.raises(RadCommonsError, match="Ctrl-C") as refused:
        _begin(tmp_path, None)
    assert refused.value.code == "demo.in-use"
    assert [path.name for path in tmp_path.iterdir()] == ["centre"]
    assert capsys.readouterr().err.endswith("\n")


def test_hospitals_that_sent_nothing_are_left_out():
    assert demand_sent(["one", None, "two"], []) == ["one", "two"]


def test_where_everything_waits_for_a_look_the_refusal_says_where_to_look():
    with pytest.raises(RadCommonsError, match="run the same command again") as refused:
        demand_sent([None], [{"site": "OWN", "instances": 1, "command": "radcommons edge review out --serve"}])
    assert refused.value.code == "demo.nothing-sent"
    assert refused.value.message.endswith("  radcommons edge review out --serve")


def test_a_folder_without_anything_to_send_is_not_said_to_wait():
    with pytest.raises(RadCommonsError, match=r"^No study may leave its hospital yet\.$"):
        demand_sent([], [])
