import asyncio

import pytest

from course_utils.widgets.parts.background_task import BackgroundTask


def pieces(count, done):
    """Work that notes what was done, and that it was closed."""
    try:
        for i in range(1, count + 1):
            done.append(i)
            yield i / count, f"piece {i} of {count}"
    finally:
        done.append("closed")


def test_outside_jupyter_all_is_done_at_once():
    task, done = BackgroundTask("counting"), []
    task.start(pieces(3, done))
    assert done == [1, 2, 3, "closed"]
    assert (task.said, task.bar.value, task.running) == ("piece 3 of 3", 1, False)
    assert task.bar.layout.display == task.button.layout.display == "none"
    assert "piece 3 of 3" in task._status.value


def test_stops_after_the_present_piece_and_can_start_again():
    async def stop_after_the_first_piece(task, done):
        task.start(pieces(1000, done))
        while not done:
            await asyncio.sleep(0)
        assert task.running and task.button.layout.display is None
        task.button.click()
        await task._task

    task, done = BackgroundTask("counting"), []
    asyncio.run(stop_after_the_first_piece(task, done))
    assert done[-1] == "closed" and len(done) < 10
    assert task.said.startswith("Stopped. piece ") and not task.running
    task.start(pieces(2, done := []))
    assert done == [1, 2, "closed"] and task.said == "piece 2 of 2"


def test_newer_work_takes_the_place_of_older():
    async def start_twice(task, older, newer):
        task.start(pieces(1000, older))
        first = task._task
        while not older:
            await asyncio.sleep(0)
        task.start(pieces(5, newer))
        await asyncio.gather(first, task._task)

    task, older, newer = BackgroundTask("counting"), [], []
    asyncio.run(start_twice(task, older, newer))
    assert older[-1] == "closed" and len(older) < 10
    assert newer == [1, 2, 3, 4, 5, "closed"]
    assert task.said == "piece 5 of 5"


def test_other_messages_are_answered_between_two_pieces():
    async def answer_meanwhile(task, done):
        task.start(pieces(20, done))
        answered = []
        while task.running:
            answered.append(len(done))
            await asyncio.sleep(0.001)
        return answered

    answered = asyncio.run(answer_meanwhile(BackgroundTask("counting"), []))
    assert len(set(answered)) > 5


def test_error_is_said_and_the_panel_goes_on():
    def failing():
        yield 0.5, "half"
        raise MemoryError("no room")

    task = BackgroundTask("counting")
    task.start(failing())
    assert task.said == "It ended with an error. MemoryError: no room"
    assert not task.running
    task.start(pieces(1, []))
    assert task.said == "piece 1 of 1"


def test_clear_takes_the_words_away():
    task = BackgroundTask("counting")
    task.start(pieces(1, []))
    task.clear()
    assert (task.said, task.layout.display) == ("", "none")
    task.start(pieces(1, []))
    assert task.layout.display is None


@pytest.mark.parametrize("calls", [1, 2])
def test_stop_without_work_changes_nothing(calls):
    task = BackgroundTask("counting")
    for _ in range(calls):
        task.stop()
    assert (task.said, task.running) == ("", False)
