"""Children whose answers are awaited: the limits and the blame of the pool, without a thread."""

import asyncio
import os
import signal
import sys
import time

import pytest

from radcommons.dicom.awaited_process import AwaitedProcess
from radcommons.dicom.isolation import Named, NoProcessError

MEMORY = 600 * 2**20


def behave(item):
    match item:
        case "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(60)
        case "grow":
            return len(bytearray(2**31))
        case "raise":
            raise RuntimeError("unforeseen")
        case int():
            return bytes(item)
        case "who":
            return os.getpid()
        case ("die once", path):
            if not path.exists():
                path.touch()
                os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.fixture(scope="module")
def process():
    made = AwaitedProcess(behave, memory_bytes=MEMORY, timeout_s=1.5)
    yield made
    made.close()


class EndsWhereItIsLoaded:
    """A function that ends every child that receives it."""

    def __call__(self, item):
        return item

    def __reduce__(self):
        return os._exit, (1,)


def ask(process, *items):
    async def all_of_them():
        return [await process.run(item) for item in items]

    return asyncio.run(all_of_them())


def test_answers_of_any_size_come_back_to_whatever_loop_asks(process):
    first = ask(process, "who", 3, 70_000, 5_000_000)
    second = ask(process, "who")
    assert [len(each) for each in first[1:]] == [3, 70_000, 5_000_000]
    assert first[0] == second[0] != os.getpid()


@pytest.mark.parametrize(
    ("poison", "code"),
    [
        ("die", "isolation.crashed"),
        ("grow", "isolation.memory"),
        ("raise", "isolation.failed"),
        ("hang", "isolation.timeout"),
    ],
)
def test_one_poisoned_item_fails_alone_and_the_next_is_answered(process, poison, code):
    before, found, after = ask(process, "a", poison, "b")
    assert (before, found.code, after) == ("a", code, "b")


def test_a_child_that_dies_by_what_was_before_is_not_the_fault_of_its_item(process, tmp_path):
    item = ("die once", tmp_path / "died")
    assert ask(process, "a", item) == ["a", item]


def test_a_child_that_was_killed_while_it_waited_is_replaced(process):
    (child,) = ask(process, "who")
    os.kill(child, signal.SIGKILL)
    (other,) = ask(process, "who")
    assert other != child


def test_an_answer_that_nobody_waited_for_is_never_taken_for_the_next_one(process):
    async def leave_and_ask():
        hasty = asyncio.create_task(process.run("hang"))
        await asyncio.sleep(0.1)
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        return await process.run("next")

    assert asyncio.run(leave_and_ask()) == "next"


def test_the_loop_goes_on_while_a_child_works(process):
    async def beats():
        work = asyncio.create_task(process.run("hang"))
        count = 0
        while not work.done():
            await asyncio.sleep(0.01)
            count += 1
        return count

    assert asyncio.run(beats()) > 50


def test_a_named_function_is_loaded_by_children_only():
    sys.modules.pop("wave", None)
    process = AwaitedProcess(Named("wave", "open"), memory_bytes=MEMORY)
    try:
        (found,) = ask(process, "no such file")
    finally:
        process.close()
    assert found.code == "isolation.failed"
    assert "wave" not in sys.modules


def test_when_no_child_can_start_no_item_is_blamed():
    process = AwaitedProcess(EndsWhereItIsLoaded())
    with pytest.raises(NoProcessError):
        ask(process, "a")
