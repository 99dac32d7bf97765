import asyncio

import pytest

from course_utils.widgets.parts.background_task import Job


def pieces(count, done):
    """Work that notes what was done, and that it was closed."""
    try:
        for i in range(1, count + 1):
            done.append(i)
            yield i / count, f"piece {i} of {count}"
    finally:
        done.append("closed")


def test_outside_jupyter_all_is_done_at_once():
    job, done = Job("counting"), []
    job.start(pieces(3, done))
    assert done == [1, 2, 3, "closed"]
    assert (job.said, job.bar.value, job.running) == ("piece 3 of 3", 1, False)
    assert job.bar.layout.display == job.button.layout.display == "none"
    assert "piece 3 of 3" in job._status.value


def test_stops_after_the_present_piece_and_can_start_again():
    async def stop_after_the_first_piece(job, done):
        job.start(pieces(1000, done))
        while not done:
            await asyncio.sleep(0)
        assert job.running and job.button.layout.display is None
        job.button.click()
        await job._task

    job, done = Job("counting"), []
    asyncio.run(stop_after_the_first_piece(job, done))
    assert done[-1] == "closed" and len(done) < 10
    assert job.said.startswith("Stopped. piece ") and not job.running
    job.start(pieces(2, done := []))
    assert done == [1, 2, "closed"] and job.said == "piece 2 of 2"


def test_newer_work_takes_the_place_of_older():
    async def start_twice(job, older, newer):
        job.start(pieces(1000, older))
        first = job._task
        while not older:
            await asyncio.sleep(0)
        job.start(pieces(5, newer))
        await asyncio.gather(first, job._task)

    job, older, newer = Job("counting"), [], []
    asyncio.run(start_twice(job, older, newer))
    assert older[-1] == "closed" and len(older) < 10
    assert newer == [1, 2, 3, 4, 5, "closed"]
    assert job.said == "piece 5 of 5"


def test_other_messages_are_answered_between_two_pieces():
    async def answer_meanwhile(job, done):
        job.start(pieces(20, done))
        answered = []
        while job.running:
            answered.append(len(done))
            await asyncio.sleep(0.001)
        return answered

    answered = asyncio.run(answer_meanwhile(Job("counting"), []))
    assert len(set(answered)) > 5


def test_error_is_said_and_the_panel_goes_on():
    def failing():
        yield 0.5, "half"
        raise MemoryError("no room")

    job = Job("counting")
    job.start(failing())
    assert job.said == "It ended with an error. MemoryError: no room"
    assert not job.running
    job.start(pieces(1, []))
    assert job.said == "piece 1 of 1"


def test_clear_takes_the_words_away():
    job = Job("counting")
    job.start(pieces(1, []))
    job.clear()
    assert (job.said, job.layout.display) == ("", "none")
    job.start(pieces(1, []))
    assert job.layout.display is None


@pytest.mark.parametrize("calls", [1, 2])
def test_stop_without_work_changes_nothing(calls):
    job = Job("counting")
    for _ in range(calls):
        job.stop()
    assert (job.said, job.running) == ("", False)
