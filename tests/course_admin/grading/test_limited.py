"""What reads a learner's file is ended when it takes too much, and nobody else is touched."""

import json
import os
import re
import signal
import threading

import pytest

from course_admin.grading.limited import OverLimit, call_limited

HOSTILE = {
    "endless regular expression": (re.fullmatch, ("(a+)+b", "a" * 60), "more than 1 seconds"),
    "more memory than there is": (bytes, (10**11,), "of memory"),
    "end of the process": (os._exit, (0,), "ends the process"),
    "crash": (signal.raise_signal, (signal.SIGSEGV,), "ends the process"),
}


@pytest.mark.parametrize(("function", "arguments", "says"), HOSTILE.values(), ids=HOSTILE)
def test_call_over_a_limit_is_ended_and_the_next_one_works(function, arguments, says):
    with pytest.raises(OverLimit, match=says):
        call_limited(function, *arguments, seconds=1)
    assert call_limited(json.loads, "[1]") == [1]


def test_calls_share_a_process_that_is_not_this_one():
    processes = {call_limited(os.getpid) for _ in range(3)}
    assert len(processes) == 1
    assert os.getpid() not in processes


def test_error_of_the_function_is_raised_here():
    with pytest.raises(json.JSONDecodeError):
        call_limited(json.loads, "[")


def test_value_that_cannot_travel_is_an_error_and_not_a_wait():
    with pytest.raises(OverLimit):
        call_limited(threading.Lock)
    with pytest.raises(AttributeError):
        call_limited(lambda: 1)
    assert call_limited(json.loads, "[2]") == [2]


def test_interrupted_call_leaves_no_answer_for_the_next(monkeypatch):
    before = call_limited(os.getpid)
    with monkeypatch.context() as patch:
        patch.setattr("multiprocessing.connection.Connection.recv", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            call_limited(json.loads, "[1]")
    assert call_limited(os.getpid) != before


def _interrupted(connection):
    raise KeyboardInterrupt


def test_each_thread_has_a_process_that_ends_with_it():
    processes = []
    thread = threading.Thread(target=lambda: processes.append(call_limited(os.getpid)))
    thread.start()
    thread.join()
    assert processes != [call_limited(os.getpid)]
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0], 0)
