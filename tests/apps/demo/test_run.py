"""What a demonstration does when no hospital could send anything."""

import pytest

from radcommons.apps.demo.run import demand_sent
from radcommons.dicom.errors import RadCommonsError


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
