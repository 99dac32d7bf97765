"""A learner's Jupyter kernel under watch: its memory, processes, output and time stay in limits."""

import contextlib
import json
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import zmq
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from course_admin.grading.sandbox import MEGABYTE, NOBODY, Limits, sandbox_command

RESERVE = 512 * MEGABYTE
"""Memory of the machine that stays free; what a submission uses shows only in part as its own."""


INTERRUPT_SECONDS = 5
"""How long a cell may go on after it was told to stop."""


def folders_of(process: int) -> str:
    """Return how the names of the folders of sockets begin that a process has made."""
    return f"kernel-{process}-"


class KernelLost(Exception):
    """The learner's process is gone; the message says why, for people."""


@dataclass
class Execution:
    """What came of running some code: its outputs, and whether it was stopped."""

    outputs: list[NotebookNode] = field(default_factory=list)
    timed_out: bool = False
    cut: bool = False


class Kernel:
    """A learner's kernel, in a sandbox or (``trusted``) without one.

    Use it in a ``with`` statement. Whatever it does, its memory, processes, output and time
    stay within the limits; where they do not, it is ended and `KernelLost` says why.
    """

    def __init__(self, limits: Limits, trusted: bool = False):
        self.limits = limits
        self.trusted = trusted
        self.deadline = time.monotonic() + limits.total_seconds
        self.peak_memory = 0
        self._received = 0
        self._lost: str | None = None
        self._closing = threading.Event()

    def __enter__(self) -> "Kernel":
        # A short name: sockets in files allow about a hundred characters
        base = "/tmp" if Path("/tmp").is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix=folders_of(os.getpid()), dir=base))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self._closing.set()
        if hasattr(self, "_process"):
            self._kill()
            self._process.wait()
        if hasattr(self, "_client"):
            self._client.stop_channels()
            self._context.destroy(linger=0)
        remove(self._folder)

    def _start(self) -> None:
        connection = self._folder / "connection.json"
        write_connection_file(
            str(connection), transport="ipc", ip=str(self._folder / "socket"),
            key=secrets.token_hex(32).encode(),
        )  # fmt: skip
        command = [
            sys.executable, "-m", "ipykernel_launcher", "-f", str(connection),
            "--HistoryManager.hist_file=:memory:",
        ]  # fmt: skip
        if not self.trusted:
            command = sandbox_command(command, self._folder, self.limits)
            if os.getuid() == 0:
                os.chown(connection, NOBODY, NOBODY)
        self._process = psutil.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=self._folder,
        )  # fmt: skip
        threading.Thread(target=self._watch, daemon=True).start()
        self._connect(json.loads(connection.read_text()))

    def _connect(self, connection: dict) -> None:
        """Connect once; later nothing is connected again, whatever lies where the sockets were."""
        ports = [port for name, port in connection.items() if name.endswith("_port")]
        sockets = [Path(f"{connection['ip']}-{port}") for port in ports]
        self._wait_until(lambda: all(socket.exists() for socket in sockets))
        self._context = zmq.Context()
        self._context.setsockopt(zmq.MAXMSGSIZE, self.limits.output)
        self._context.setsockopt(zmq.RECONNECT_IVL, -1)
        self._client = BlockingKernelClient(context=self._context)
        self._client.load_connection_info(connection)
        self._client.start_channels(stdin=False, hb=False)
        iopub = self._client.iopub_channel.socket
        self._monitor = iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._wait_until(self._answers)
        if not self.trusted and os.getuid() == 0:
            os.chown(self._folder, 0, 0)  # from here on, nothing new can be put there

    def _wait_until(self, ready) -> None:
        while not ready():
            self._raise_if_lost()
            time.sleep(0.05)

    def _answers(self) -> bool:
        self._client.kernel_info()
        try:
            self._client.get_shell_msg(timeout=1)
            self._client.get_iopub_msg(timeout=1)  # the subscription has reached the kernel
        except queue.Empty:
            return False
        return True

    def run(self, code: str, seconds: float | None = None) -> Execution:
        """Run code and collect its outputs.

        Raises
        ------
        KernelLost
            If the process ended, was ended, or sends what is no message.
        """
        self._raise_if_lost()
        execution = Execution()
        end = time.monotonic() + (seconds or self.limits.cell_seconds)
        request = self._client.execute(code, store_history=True, allow_stdin=False)
        while (message := self._next_message(request, end)) is not None:
            if message["msg_type"] == "status":
                if message["content"].get("execution_state") == "idle":
                    return execution
            else:
                self._keep(message, execution)
        execution.timed_out = True
        self._interrupt(request)
        spent = seconds or self.limits.cell_seconds
        execution.outputs.append(_timeout_output(spent))
        return execution

    def ask(self, code: str, mime: str, seconds: float | None = None) -> str | None:
        """Run code that displays data of a type; return the data, or None where there are none.

        Raises
        ------
        KernelLost
            As `run`.
        TimeoutError
            If there is no answer in time.
        """
        self._raise_if_lost()
        end = time.monotonic() + (seconds or self.limits.cell_seconds)
        request = self._client.execute(code, store_history=False, allow_stdin=False)
        answer = None
        while (message := self._next_message(request, end)) is not None:
            content = message["content"]
            if message["msg_type"] == "status" and content.get("execution_state") == "idle":
                return answer
            data = content.get("data")
            if message["msg_type"] == "display_data" and isinstance(data, dict) and mime in data:
                answer = data[mime] if isinstance(data[mime], str) else None
        self._interrupt(request)
        raise TimeoutError

    def _next_message(self, request: str, end: float) -> dict | None:
        """Return the next message about a request, or None when the time is up."""
        while time.monotonic() < min(end, self.deadline):
            message = self._receive()
            self._raise_if_lost()
            if message and message["parent_header"].get("msg_id") == request:
                return message
        return None

    def _receive(self) -> dict | None:
        """Wait a moment for a message; notice what no honest kernel sends."""
        self._drop_replies()
        try:
            message = self._client.get_iopub_msg(timeout=0.2)
            self._received += len(json.dumps(message["content"]))
            if self._received > self.limits.output:
                self._lose(f"it printed more than {self.limits.output / MEGABYTE:.0f} MB")
            if not all(isinstance(message[part], dict) for part in ("content", "parent_header")):
                raise TypeError("a part of a message")
            return message
        except queue.Empty:
            if self._monitor.poll(0):
                time.sleep(0.5)  # a process that ends closes its connections first
                self._raise_if_lost()
                self._lose(
                    f"it sent more than {self.limits.output / MEGABYTE:.0f} MB at once, "
                    "or closed its connection"
                )
        except KernelLost:
            raise
        except Exception as error:  # whatever the damage, it is the submission's own
            self._lose(f"it sent what is no Jupyter message ({type(error).__name__})")
        return None

    def _drop_replies(self) -> None:
        """Take what nobody reads out of the queues, where it would fill the grader's memory."""
        for channel in (self._client.shell_channel, self._client.control_channel):
            while self._lost is None and channel.socket.poll(0):
                self._received += sum(map(len, channel.socket.recv_multipart()))
                if self._received > self.limits.output:
                    self._lose(f"it sent more than {self.limits.output / MEGABYTE:.0f} MB")

    def _keep(self, message: dict, execution: Execution) -> None:
        """Add an output to those of its cell, up to the limit."""
        try:
            output = output_from_msg(message)
            json.dumps(output, ensure_ascii=False).encode()
        except Exception:  # no output (clear_output, comm messages), or none that can be written
            return
        size = sum(len(json.dumps(kept)) for kept in [*execution.outputs, output])
        if size > self.limits.cell_output:
            if not execution.cut:
                execution.outputs.append(_cut_output(self.limits.cell_output))
            execution.cut = True
            return
        last = execution.outputs[-1] if execution.outputs else None
        if last and output.output_type == last.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            execution.outputs.append(output)

    def _interrupt(self, request: str) -> None:
        """Tell the kernel to stop, and end it where it does not."""
        channel = self._client.control_channel
        channel.send(self._client.session.msg("interrupt_request", {}))
        end = time.monotonic() + INTERRUPT_SECONDS
        while (message := self._next_message(request, end)) is not None:
            state = message["content"].get("execution_state")
            if message["msg_type"] == "status" and state == "idle":
                return
        if time.monotonic() >= self.deadline:
            self._lose(f"it took longer than {self.limits.total_seconds:.0f} s in all")
        else:
            self._lose("it did not stop when the time of a cell was up")
        self._raise_if_lost()

    def _watch(self) -> None:
        """End the kernel when it uses too much; runs in a thread of its own."""
        try:
            self._watch_limits()
        except Exception as error:  # nothing may run unwatched
            self._lose(f"its use of the machine could not be watched ({type(error).__name__})")

    def _watch_limits(self) -> None:
        while not self._closing.wait(0.2):
            if self._process.poll() is not None:
                self._lost = self._lost or "its process ended (os._exit, or a crash)"
                return
            memory = memory_of(self._process)
            self.peak_memory = max(self.peak_memory, memory)
            if memory > self.limits.memory:
                self._lose(f"it used more than {self.limits.memory / MEGABYTE:.0f} MB of memory")
            if psutil.virtual_memory().available < RESERVE:
                self._lose("the machine had no memory left while it ran")
            if _is_filled(self._folder):
                self._lose("it filled the folder of its sockets")
            if time.monotonic() > self.deadline + 2 * INTERRUPT_SECONDS:
                self._lose(f"it took longer than {self.limits.total_seconds:.0f} s in all")

    def _lose(self, reason: str) -> None:
        self._lost = self._lost or reason
        self._kill()

    def _kill(self) -> None:
        # Killing the first process ends all: --die-with-parent, and they share its namespace
        for process in [*_descendants(self._process), self._process]:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _raise_if_lost(self) -> None:
        if self._lost is None and self._process.poll() is not None:
            self._lost = "its process ended (os._exit, or a crash)"
        if self._lost is None and time.monotonic() > self.deadline:
            self._lose(f"it took longer than {self.limits.total_seconds:.0f} s in all")
        if self._lost:
            raise KernelLost(self._lost)


def _timeout_output(seconds: float) -> NotebookNode:
    text = f"Stopped: this took longer than {seconds:.0f} s."
    return new_output("error", ename="TimeoutError", evalue=text, traceback=[text])


def _cut_output(limit: int) -> NotebookNode:
    return new_output("stream", name="stdout", text=f"\n[output cut after {limit} bytes]\n")


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def memory_of(process: psutil.Process) -> int:
    """Resident bytes of a process and all that it started."""
    total = 0
    for part in [process, *_descendants(process)]:
        with contextlib.suppress(psutil.Error):  # ended in the meantime
            total += part.memory_info().rss
    return total


def _is_filled(folder: Path) -> bool:
    """Whether there is more in the folder of sockets than a kernel puts there."""
    size = 0
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            with contextlib.suppress(FileNotFoundError):  # gone in the meantime
                size += entry.stat(follow_symlinks=False).st_size
            # No folders: whoever looks into deep ones gets lost
            if entry.is_dir(follow_symlinks=False) or count > 100 or size > 16 * MEGABYTE:
                return True
    return False


def remove(folder: Path) -> None:
    """Remove a folder, however deep what is in it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False)
