"""The pool of limited processes: one poisoned item fails alone."""

import multiprocessing
import os
import signal
import time
from functools import partial

import pytest

from radcommons.dicom import isolation
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool

MEMORY = 600 * 2**20


def _double(number):
    return number * 2


def _behave(item):
    if item == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "hang":
        time.sleep(60)
    if item == "spin":
        while True:
            pass
    if item == "grow":
        return len(bytearray(2**31))
    if item == "raise":
        raise RuntimeError("unforeseen")
    return item


def _pause(item):
    time.sleep(0.06)
    return item


def _scaled(item, *, factor):
    return item * factor


def _outcomes(items, **limits):
    with LimitedPool(_behave, memory_bytes=MEMORY, **limits) as pool:
        return dict(pool.run(items))


def test_every_item_comes_back_with_its_result():
    with LimitedPool(_double, processes=2, memory_bytes=MEMORY) as pool:
        assert sorted(pool.run(range(50))) == [(number, number * 2) for number in range(50)]


def test_a_partial_function_can_be_run():
    with LimitedPool(partial(_scaled, factor=3), memory_bytes=MEMORY) as pool:
        assert list(pool.run([5])) == [(5, 15)]


@pytest.mark.parametrize(
    ("poison", "code"),
    [
        ("die", "isolation.crashed"),
        ("grow", "isolation.memory"),
        ("raise", "isolation.failed"),
        ("hang", "isolation.timeout"),
        ("spin", "isolation.timeout"),
    ],
)
def test_one_poisoned_item_fails_alone_and_the_rest_go_on(poison, code):
    outcomes = _outcomes(["a", poison, "b", "c"], timeout_s=1.5)
    assert outcomes.pop(poison).code == code
    assert outcomes == {"a": "a", "b": "b", "c": "c"}


def test_a_finding_of_the_pool_keeps_the_object_out():
    outcome = _outcomes(["die"])["die"]
    assert isinstance(outcome, Finding)
    assert outcome.is_error


def test_items_are_read_only_as_children_become_free():
    taken = []

    def source():
        for number in range(20):
            taken.append(number)
            yield number

    with LimitedPool(_double, processes=1, memory_bytes=MEMORY) as pool:
        run = pool.run(source())
        next(run)
        assert len(taken) <= 2


def test_no_items_need_no_children():
    with LimitedPool(_double) as pool:
        assert list(pool.run([])) == []


def test_leaving_the_pool_ends_work_in_progress():
    started = time.monotonic()
    with LimitedPool(_behave, memory_bytes=MEMORY) as pool:
        run = pool.run(["a", "hang"])
        next(run)
    assert time.monotonic() - started < 30


def test_a_pool_without_processes_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        LimitedPool(_double, processes=0)


def test_a_child_whose_parent_leaves_with_an_answer_unread_ends_quietly():
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=isolation._serve, args=(theirs, _double, MEMORY, 10.0))
    child.start()
    theirs.close()
    assert ours.recv() == ("ready", None)
    ours.send([1])
    assert ours.poll(20)
    ours.close()
    child.join(20)
    assert child.exitcode == 0


def test_small_items_travel_together_and_a_poisoned_one_among_them_still_fails_alone():
    items = [*range(300), "die", *range(300, 400)]
    with LimitedPool(_behave, memory_bytes=MEMORY) as pool:
        outcomes = list(pool.run(items))
        assert pool._together > 1
    assert [outcome.code for item, outcome in outcomes if item == "die"] == ["isolation.crashed"]
    assert sorted(outcome for item, outcome in outcomes if item != "die") == list(range(400))


def test_slow_items_are_handed_over_one_by_one():
    with LimitedPool(_pause, processes=2, memory_bytes=MEMORY) as pool:
        assert sorted(dict(pool.run(range(6)))) == list(range(6))
        assert pool._together == 1
