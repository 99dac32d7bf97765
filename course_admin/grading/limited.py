"""Functions that read what learners wrote, called in a child process with limits.

A file can keep a parser, a regular expression or a renderer busy for hours, or fill the memory.
Each thread has one child for all its calls; a child that exceeds a limit is replaced, so one file
costs one call. The child is a new Python and not a fork: a fork would inherit the locks of other
threads, the gradebook's connection, and the memory of all that the grader has loaded, which counts
towards the limit.
"""

import contextlib
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection

SECONDS = 30
"""Of one call; an honest notebook takes less than one."""
MEGABYTES = 1_024
"""Virtual memory of the child."""

_of_this_thread = threading.local()


class OverLimit(Exception):
    """A call took more time or memory than it may; the message says which."""


def call_limited(function: Callable, *arguments, seconds: int = SECONDS):
    """Call a function in this thread's child process and return what it returns.

    Parameters
    ----------
    function : callable
        Of a module; it, its arguments and its value travel as pickles, between this program and
        its own code.
    *arguments
    seconds : int, optional

    Raises
    ------
    OverLimit
        If it takes too much time or memory, or ends the process.
    Exception
        What the function itself raises.
    """
    child = getattr(_of_this_thread, "child", None)
    if child is None or child.process.poll() is not None:
        child = _of_this_thread.child = _Child()
    value, error = child.call(function, arguments, seconds)
    if isinstance(error, MemoryError):
        raise OverLimit(f"takes more than {MEGABYTES} MB of memory") from error
    if error is not None:
        raise error
    return value


class _Child:
    """A child process that ends with this object."""

    def __init__(self):
        self.connection, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        weakref.finalize(self, _end, self.process, self.connection)

    def call(self, function: Callable, arguments: tuple, seconds: int) -> tuple:
        """Return the function's value and its error, one of which is None."""
        try:
            self.connection.send((function, arguments, seconds))
            return self.connection.recv()
        except (EOFError, OSError):
            _end(self.process, self.connection)
        except BaseException:  # its answer must not be taken for that of the next call
            _end(self.process, self.connection)
            raise
        if self.process.returncode == -signal.SIGALRM:
            raise OverLimit(f"takes more than {seconds} seconds")
        raise OverLimit("ends the process that reads it")


def _end(process: subprocess.Popen, connection: Connection) -> None:
    connection.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)  # it ends by itself when its connection is closed
    process.kill()
    process.wait()


def main() -> None:
    """Answer calls until the parent is gone."""
    import resource  # not available on Windows

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES * 1024**2,) * 2)
    # nbformat would load a grammar of IRIs for seconds, and no notebook needs it
    sys.modules.setdefault("rfc3987_syntax", None)
    connection = Connection(int(sys.argv[1]))
    with contextlib.suppress(EOFError):
        while True:
            function, arguments, seconds = connection.recv()
            signal.alarm(seconds)  # the kernel ends this process, whatever it is busy with
            connection.send(_answer(function, arguments))
            signal.alarm(0)


def _answer(function: Callable, arguments: tuple) -> tuple:
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error


if __name__ == "__main__":
    main()
