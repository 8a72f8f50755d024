"""What a limited process may and may not do, and that its end is nobody else's."""

import os
import resource
import signal
import sys

import pytest

from radcommons.dicom.isolation import LimitedPool

MEMORY = 600 * 2**20


def _told(item):
    """What a child says about itself, or how it misbehaves."""
    match item:
        case "limits":
            return [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_CORE)]
        case "pid":
            return os.getpid()
        case "parent":
            return os.getppid()
        case "leave":
            sys.exit(0)
        case "strange":
            return lambda: None
        case "half":
            return len(bytearray(MEMORY // 2))
        case "twice":
            return len(bytearray(MEMORY * 2))
        case "loaded":
            return __name__ in sys.modules
        case str(name) if name.startswith("descriptor"):
            return os.path.exists(f"/proc/self/fd/{name.partition(' ')[2]}")  # noqa: PTH110 - asked of the kernel
    return item


@pytest.fixture
def pool():
    with LimitedPool(_told, memory_bytes=MEMORY, timeout_s=20) as made:
        yield made


def only(pool, item):
    ((asked, outcome),) = pool.run([item])
    assert asked == item
    return outcome


def test_limits_hold_inside_the_child_and_nowhere_else(pool):
    before = [resource.getrlimit(kind) for kind in (resource.RLIMIT_DATA, resource.RLIMIT_CORE, resource.RLIMIT_CPU)]
    assert only(pool, "limits") == [MEMORY, 0]
    assert only(pool, "half") == MEMORY // 2
    assert only(pool, "twice").code == "isolation.memory"
    assert only(pool, "half") == MEMORY // 2
    after = [resource.getrlimit(kind) for kind in (resource.RLIMIT_DATA, resource.RLIMIT_CORE, resource.RLIMIT_CPU)]
    assert after == before


def test_a_child_serves_one_run_after_another_until_it_has_to_be_replaced(pool):
    first = only(pool, "pid")
    assert only(pool, "pid") == first
    assert first != os.getpid()
    assert only(pool, "leave").code == "isolation.crashed"
    assert only(pool, "pid") != first


def test_an_answer_that_cannot_travel_costs_its_own_item_only(pool):
    outcomes = dict(pool.run(["a", "strange", "b"]))
    assert outcomes.pop("strange").code in {"isolation.crashed", "isolation.failed"}
    assert outcomes == {"a": "a", "b": "b"}


def test_a_child_that_is_killed_between_two_runs_is_replaced(pool):
    os.kill(only(pool, "pid"), signal.SIGKILL)
    outcomes = dict(pool.run(["a", "b", "c"]))
    lost = [item for item, outcome in outcomes.items() if outcome != item]
    assert len(outcomes) == 3
    assert len(lost) <= 1
    assert dict(pool.run(["d"])) == {"d": "d"}


def test_children_come_from_a_server_that_has_nothing_of_this_process_open(pool, tmp_path):
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        high = os.dup2(secret.fileno(), 200, inheritable=True)
        assert only(pool, "parent") != os.getpid()
        assert only(pool, f"descriptor {high}") is False
        os.close(high)
    assert only(pool, "loaded") is True


def test_a_pool_that_was_closed_in_the_middle_can_begin_anew():
    pool = LimitedPool(_told, processes=2, memory_bytes=MEMORY)
    run = pool.run(iter(range(100)))
    next(run)
    pool.close()
    assert dict(pool.run(["x", "y"])) == {"x": "x", "y": "y"}
    pool.close()
    pool.close()
