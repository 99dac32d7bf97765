"""A learner's Jupyter kernel under watch: memory, processes, output and time stay within limits."""

import contextlib
import json
import os
import queue
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import zmq
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from course_admin.grading.sandbox import (
    HOME,
    MEGABYTE,
    Limits,
    descendants,
    sandbox_command,
    seen_from_outside,
)

RESERVE = 512 * MEGABYTE
"""Memory that must stay free: not all that a submission uses is counted as its own."""

SOCKETS = f"{HOME}/.kernel"
"""How the paths of the kernel's sockets begin inside the sandbox."""
CONNECTION = "/connection.json"

INTERRUPT_SECONDS = 5
"""How long a cell may go on after it was interrupted."""


def folder_prefix(process: int) -> str:
    """Return how the names of the folders begin that a process makes for its kernels."""
    return f"kernel-{process}-"


class KernelDied(Exception):
    """The learner's process is gone; the message says why, in words for people."""


@dataclass
class Execution:
    """The outputs of some code, and whether it was stopped."""

    outputs: list[NotebookNode] = field(default_factory=list)
    size: int = 0
    timed_out: bool = False
    cut: bool = False


class Kernel:
    """A learner's kernel, in a sandbox or (``trusted``) without one.

    Use it in a ``with`` statement. A kernel whose memory, output or time exceeds the limits is
    killed, and `KernelDied` says why. `hidden_folders` are those of `sandbox_command`.
    """

    def __init__(self, limits: Limits, trusted: bool = False, hidden_folders: Collection[str] = ()):
        self.limits = limits
        self.trusted = trusted
        self._hidden_folders = hidden_folders
        self._root = ""  # where this process finds the root folder of the kernel
        self._places: list[int] = []  # the folders inside that can be written to, while open
        self.deadline = time.monotonic() + limits.total_seconds
        self.peak_memory = 0
        self._received = 0
        self.disturbance: str | None = None
        """An error of the environment in a learner's cell: what it should define is missing."""
        self._cause: str | None = None
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Kernel":
        # A short path, because that of a socket has at most about a hundred characters
        base = "/tmp" if Path("/tmp").is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix=folder_prefix(os.getpid()), dir=base))
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
        if self._watcher.is_alive():
            self._watcher.join()
        for place in self._places:
            os.close(place)
        remove(self._folder)

    def _start(self) -> None:
        file = self._folder / "connection.json"
        sockets = str(self._folder / "socket") if self.trusted else SOCKETS
        address = {"transport": "ipc", "ip": sockets}
        write_connection_file(str(file), key=secrets.token_hex(32).encode(), **address)
        file.chmod(0o644)  # the user inside is another one; nobody else can enter the folder
        command = [sys.executable, "-m", "ipykernel_launcher"]
        command += ["--HistoryManager.hist_file=:memory:", "-f"]
        if self.trusted:
            command += [str(file)]
        else:
            arguments = (self._folder, self.limits, [(file, CONNECTION)], self._hidden_folders)
            command = sandbox_command([*command, CONNECTION], *arguments)
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self._process = psutil.Popen(command, cwd=self._folder, **quiet)
        self._watcher.start()
        self._connect(json.loads(file.read_text()))

    def _connect(self, connection: dict) -> None:
        """Connect once and never again, whatever later takes the place of the sockets."""
        ports = [port for name, port in connection.items() if name.endswith("_port")]
        sockets = [f"{connection['ip']}-{port}" for port in ports]
        self._wait_until(lambda: self._finds(sockets))
        connection["ip"] = f"{self._root}{connection['ip']}"
        if not self.trusted:
            places = [f"{self._root}{place}" for place in (HOME, "/dev/shm")]
            self._places += [os.open(place, os.O_PATH) for place in places]
        self._context = zmq.Context()
        self._context.setsockopt(zmq.MAXMSGSIZE, self.limits.output)
        self._context.setsockopt(zmq.RECONNECT_IVL, -1)
        self._client = BlockingKernelClient(context=self._context)
        self._client.load_connection_info(connection)
        self._client.start_channels(stdin=False, hb=False)
        iopub = self._client.iopub_channel.socket
        self._monitor = iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._wait_until(self._answers)

    def _finds(self, sockets: list[str]) -> bool:
        """Find the root folder of the kernel; return whether all its sockets are there."""
        if not self.trusted:
            first = seen_from_outside(self._process, sockets[0])
            if first is None:
                return False
            self._root = str(first).removesuffix(sockets[0])
        return all(Path(f"{self._root}{socket}").exists() for socket in sockets)

    def _wait_until(self, ready) -> None:
        while not ready():
            self._raise_if_dead()
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
        KernelDied
            If the process ended, was killed, or sent something that is not a message.
        """
        self._raise_if_dead()
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

    def ask(self, code: str, mime: str, request: str, seconds: float | None = None) -> str | None:
        """Run code that displays data of a MIME type; return the data, or None if there are none.

        If the code raises an error, this is the answer.

        The code finds the request in ``get_ipython().kernel.get_parent()["content"]``: megabytes
        of arrays would take long to compile as a part of the code. The kernel sends nothing of it
        back, so that only what the submission sends counts as its output.

        Raises
        ------
        KernelDied
            As `run`.
        TimeoutError
            If there is no answer in time.
        """
        self._raise_if_dead()
        end = time.monotonic() + (seconds or self.limits.cell_seconds)
        content = {"code": code, "silent": True, "allow_stdin": False, "request": request}
        sent = self._client.session.msg("execute_request", content)
        self._client.shell_channel.send(sent)
        number, answer = sent["header"]["msg_id"], None
        while (message := self._next_message(number, end)) is not None:
            content = message["content"]
            if message["msg_type"] == "status" and content.get("execution_state") == "idle":
                return answer
            data = content.get("data")
            if message["msg_type"] == "display_data" and isinstance(data, dict) and mime in data:
                answer = data[mime] if isinstance(data[mime], str) else None
            elif message["msg_type"] == "error":
                answer = json.dumps({"error": [content.get("ename"), content.get("evalue")]})
        self._interrupt(number)
        raise TimeoutError

    def _next_message(self, request: str, end: float) -> dict | None:
        """Return the next message in reply to a request, or None when the time is up."""
        while time.monotonic() < min(end, self.deadline):
            message = self._receive()
            self._raise_if_dead()
            if message and message["parent_header"].get("msg_id") == request:
                return message
        return None

    def _receive(self) -> dict | None:
        """Wait a moment for a message; abort at what no honest kernel sends."""
        self._drop_replies()
        socket, session = self._client.iopub_channel.socket, self._client.session
        try:
            if not socket.poll(200):
                self._look_for_a_closed_connection()
                return None
            _, parts = session.feed_identities(self._counted(socket.recv_multipart()))
            message = session.deserialize(parts)
            if not all(isinstance(message[part], dict) for part in ("content", "parent_header")):
                raise TypeError("a part of a message")
            return message
        except KernelDied:
            raise
        except Exception as error:  # any damage is the submission's doing
            self._abort(f"it sent something that is not a Jupyter message ({type(error).__name__})")
        return None

    def _look_for_a_closed_connection(self) -> None:
        if not self._monitor.poll(0):
            return
        time.sleep(0.5)  # a process that ends closes its connections first
        self._raise_if_dead()
        self._abort(f"it sent more than {self._most_output()} at once, or closed its connection")

    def _drop_replies(self) -> None:
        """Empty the queues that nobody reads, which would fill the grader's memory."""
        for channel in (self._client.shell_channel, self._client.control_channel):
            while self._cause is None and channel.socket.poll(0):
                self._counted(channel.socket.recv_multipart())

    def _counted(self, parts: list[bytes]) -> list[bytes]:
        """Return the parts of a message, whatever they hold, unless they are too much output."""
        self._received += sum(map(len, parts))
        if self._received > self.limits.output:
            self._abort(f"it printed more than {self._most_output()}")
        return parts

    def _most_output(self) -> str:
        return f"{self.limits.output / MEGABYTE:.0f} MB"

    def _keep(self, message: dict, execution: Execution) -> None:
        """Add an output to its cell, up to the limit."""
        try:
            output = output_from_msg(message)
            size = len(json.dumps(output, ensure_ascii=False).encode())
        except (
            Exception
        ):  # not an output (clear_output, comm messages), or one that cannot be stored
            return
        execution.size += size
        if execution.size > self.limits.cell_output:
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
        """Interrupt the kernel, and kill it if it does not stop."""
        channel = self._client.control_channel
        channel.send(self._client.session.msg("interrupt_request", {}))
        end = time.monotonic() + INTERRUPT_SECONDS
        while (message := self._next_message(request, end)) is not None:
            state = message["content"].get("execution_state")
            if message["msg_type"] == "status" and state == "idle":
                return
        if time.monotonic() >= self.deadline:
            self._abort(f"it took longer than {self.limits.total_seconds:.0f} s in total")
        else:
            self._abort("it did not stop when the time for a cell was up")
        self._raise_if_dead()

    def _watch(self) -> None:
        """Kill the kernel when it uses too much; runs in a thread of its own."""
        try:
            self._watch_limits()
        except Exception as error:  # nothing may run unwatched
            self._abort(f"its use of resources could not be watched ({type(error).__name__})")

    def _watch_limits(self) -> None:
        while not self._closing.wait(0.2):
            if self._process.poll() is not None:
                self._cause = self._cause or "its process ended (os._exit, or a crash)"
                return
            memory = memory_of(self._process)
            self.peak_memory = max(self.peak_memory, memory)
            if memory > self.limits.memory:
                self._abort(f"it used more than {self.limits.memory / MEGABYTE:.0f} MB of memory")
            if psutil.virtual_memory().available < RESERVE:
                self._abort("the machine ran out of memory while it ran")
            if sum(map(_files_in, self._places)) > self.limits.files:
                self._abort(f"it made more than {self.limits.files} files")
            if time.monotonic() > self.deadline + 2 * INTERRUPT_SECONDS:
                self._abort(f"it took longer than {self.limits.total_seconds:.0f} s in total")

    def _abort(self, reason: str) -> None:
        self._cause = self._cause or reason
        self._kill()

    def _kill(self) -> None:
        # The first process would be enough: --die-with-parent, and all share its namespace
        for process in [*descendants(self._process), self._process]:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _raise_if_dead(self) -> None:
        if self._cause is None and self._process.poll() is not None:
            self._cause = "its process ended (os._exit, or a crash)"
        if self._cause is None and time.monotonic() > self.deadline:
            self._abort(f"it took longer than {self.limits.total_seconds:.0f} s in total")
        if self._cause:
            raise KernelDied(self._cause)


def _timeout_output(seconds: float) -> NotebookNode:
    text = f"Stopped: this took longer than {seconds:.0f} s."
    return new_output("error", ename="TimeoutError", evalue=text, traceback=[text])


def _cut_output(limit: int) -> NotebookNode:
    return new_output("stream", name="stdout", text=f"\n[output cut after {limit} bytes]\n")


def memory_of(process: psutil.Process) -> int:
    """Return the bytes that a process and its descendants keep in memory and swap."""
    total = 0
    for part in [process, *descendants(process)]:
        with contextlib.suppress(psutil.Error, OSError):  # it ended in the meantime
            total += _own_memory_of(part)
    return total


def _own_memory_of(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():  # not Linux, or the process has ended
        return process.memory_info().rss
    # Page tables count too: reading a page here and there of nothing fills gigabytes with them
    kilobytes = re.findall(r"^Vm(?:RSS|Swap|PTE):\s+(\d+) kB", status.read_text(), re.MULTILINE)
    return 1024 * sum(map(int, kilobytes))


def _files_in(place: int) -> int:
    """Return how many files and folders the file system of an open folder holds."""
    system = os.fstatvfs(place)
    return system.f_files - system.f_ffree


def remove(folder: Path) -> None:
    """Remove a folder, however deeply nested."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False)
