"""What a limited process may and may not do, and that its end is nobody else's."""

import os
import resource
import signal
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from radcommons.dicom.errors import Kind
from radcommons.dicom.isolation import LimitedPool, NoProcessError

MEMORY = 600 * 2**20
_kept = []


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
        case "keep":
            _kept.append(bytearray(MEMORY // 2))
            return None
        case str(name) if " " in name:
            return _with_file(*name.split(" ", 1))
    return item


def _with_file(verb, where):
    match verb:
        case "descriptor":
            return os.path.exists(f"/proc/self/fd/{where}")  # noqa: PTH110 - asked of the kernel
        case "wait":
            if not Path(where).exists():
                Path(where).touch()
                time.sleep(15)
            return "done"
    with Path(where).open("a") as record:
        record.write(".")
    if verb == "hang":
        time.sleep(15)
    return os.kill(os.getpid(), signal.SIGSEGV)


class _EndsWhereItIsLoaded:
    """A function that no child lives to have."""

    def __reduce__(self):
        return os._exit, (1,)

    def __call__(self, item):
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


def test_children_that_are_killed_while_they_wait_are_replaced_and_no_item_is_blamed():
    with LimitedPool(_told, processes=2, memory_bytes=MEMORY, timeout_s=20) as pool:
        dict(pool.run(range(100)))
        for child in pool._children:
            os.kill(child.process.pid, signal.SIGKILL)
        assert dict(pool.run(["a", "b", "c"])) == {"a": "a", "b": "b", "c": "c"}
        assert dict(pool.run(range(100))) == {number: number for number in range(100)}
        assert 0 < len(pool._children) <= 2


def test_an_item_is_no_more_to_blame_when_its_child_is_killed_from_outside(pool, tmp_path):
    at_work = tmp_path / "at work"
    child = only(pool, "pid")
    waiting = Thread(target=_kill_once_there, args=(at_work, child))
    waiting.start()
    assert only(pool, f"wait {at_work}") == "done"
    waiting.join()
    assert only(pool, "pid") != child


def _kill_once_there(path, pid):
    while not path.exists():
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("before", "deaths"), [([], 1), (["a"], 2)])
def test_an_item_that_ends_any_child_is_blamed_by_one_that_did_nothing_else(pool, tmp_path, before, deaths):
    record = tmp_path / "deaths"
    assert dict(pool.run(before)) == dict(zip(before, before, strict=True))
    outcomes = dict(pool.run([f"die {record}", "b", "c"]))
    assert outcomes.pop(f"die {record}").code == "isolation.crashed"
    assert outcomes == {"b": "b", "c": "c"}
    assert len(record.read_text()) == deaths


def test_an_item_that_takes_too_long_is_blamed_at_once(tmp_path):
    record = tmp_path / "hangs"
    with LimitedPool(_told, memory_bytes=MEMORY, timeout_s=1) as pool:
        assert only(pool, "a") == "a"
        assert only(pool, f"hang {record}").code == "isolation.timeout"
    assert len(record.read_text()) == 1


def test_memory_that_items_before_left_behind_is_not_the_fault_of_the_next(pool):
    assert only(pool, "keep") is None
    assert only(pool, "half") == MEMORY // 2
    assert only(pool, "twice").code == "isolation.memory"


def test_when_no_child_can_start_no_item_is_blamed():
    with LimitedPool(_EndsWhereItIsLoaded()) as pool, pytest.raises(NoProcessError) as refusal:
        list(pool.run(["a"]))
    assert refusal.value.kind is Kind.UNAVAILABLE


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
