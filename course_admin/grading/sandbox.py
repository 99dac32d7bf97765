"""A sandbox for untrusted code: bubblewrap, with limits on everything inside.

It shows Python, `course_utils`, what the agent needs, the edition's images (all read-only) and
some memory to write to. There is no network, no home folder, no other process, no file of the
grader and no check. The section on attackers in ``instructor/README.md`` says what risks remain.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

import course_checks
import course_utils
from course_admin.grading import absent_checks, agent, seccomp
from course_utils.editions import CLASS_INDEX, MIRROR_WEIGHTS, current_edition, data_root

MEGABYTE = 2**20
SHARED_MEMORY = 16 * MEGABYTE
"""Bytes of ``/dev/shm``, for semaphores."""
START_SECONDS = 30
"""How long a sandbox may take to start."""

USERS = range(0x7800_0000, 0x7C00_0000)
"""User ids of submissions if the grader is root, where no directory service or container has any;
each sandbox has its own."""
NOBODY = 65534
LEARNER = 1000
"""The user id that a submission sees as its own."""

HOME = "/learner"
COURSE = "/course"
DATA = "/data"
MIRROR = "/mirror"
READY = f"{HOME}/.ready"
SHOWN_CHECKS = ("protocol.py", "model_view.py", "model_specs.py")
"""Files of `course_checks` that the agent imports: how data are passed, not what is right."""

NEEDED = ("bwrap", "choom", "prlimit", "setpriv")
INSTRUCTIONS = (
    "Grade on a Linux machine with bubblewrap and util-linux (Debian, Ubuntu: apt install "
    "bubblewrap util-linux) that allows user namespaces, or in a virtual machine or container "
    "that has them. If you know everyone who handed in and trust what they wrote, "
    "--i-trust-these-submissions grades without a sandbox."
)


@dataclass(frozen=True)
class Limits:
    """The resources that one submission may use.

    Attributes
    ----------
    cell_seconds, total_seconds : float
        Time for one cell or one function call, and for all of them together.
    memory : int
        Resident bytes of all its processes together.
    address_space : int
        Virtual bytes of one process; TensorFlow reserves far more than it uses.
    processes : int
        Processes and threads at the same time.
    file_size, disk : int
        Bytes of one file, and of all files together.
    files : int
        Files and folders; each takes memory, even if it is empty.
    cell_output, output : int
        Bytes of output: above the first a cell's output is cut, above the second its
        submission is aborted.
    """

    cell_seconds: float = 120
    total_seconds: float = 600
    memory: int = 4096 * MEGABYTE
    address_space: int = 24 * 1024 * MEGABYTE
    processes: int = 256
    file_size: int = 256 * MEGABYTE
    disk: int = 512 * MEGABYTE
    files: int = 50_000
    cell_output: int = MEGABYTE
    output: int = 64 * MEGABYTE


def sandbox_problem(private: Iterable[Path] = ()) -> str | None:
    """Return why submissions cannot be sandboxed here, or None if they can.

    Parameters
    ----------
    private : iterable of Path
        What no submission may read; the folder of the course, if it holds the hidden tests, is
        private anyway.
    """
    if sys.platform != "linux":
        return f"sandboxes need Linux, and this is {sys.platform}"
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        return f"not installed here: {', '.join(missing)}"
    if exposed := _exposed(private):
        folder, shown = exposed
        return f"submissions can read {shown}, and it holds {folder}: move one of them elsewhere"
    with tempfile.TemporaryDirectory() as folder:
        return _start_problem(Path(folder))


def _start_problem(folder: Path) -> str | None:
    """Start a sandbox that makes a file, and look whether this process sees it."""
    code = f"import sys; open({READY!r}, 'w').close(); sys.stdin.read()"
    command = sandbox_command([sys.executable, "-c", code], folder, Limits())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    process = psutil.Popen(command, text=True, **pipes)
    end = time.monotonic() + START_SECONDS
    while not (seen := seen_from_outside(process, READY)) and process.poll() is None:
        if time.monotonic() > end:
            process.kill()
        time.sleep(0.02)
    said = process.communicate()[1].strip()
    if process.returncode != 0:
        return f"bubblewrap does not work here: {said or process.returncode}"
    return None if seen else "bubblewrap does not work here: its files cannot be seen"


def _exposed(private: Iterable[Path]) -> tuple[Path, Path] | None:
    """Return a private folder and the shown one that it lies in, if there are such."""
    course = Path(course_utils.__file__).parents[1]
    folders = [*private, course] if (course / "instructor").is_dir() else [*private]
    shown = [path for path, inside in _shown() if not inside.startswith(COURSE)]
    for folder, place in itertools.product(folders, shown):
        if folder.resolve().is_relative_to(place.resolve()):
            return folder, place
    return None


def seen_from_outside(process: psutil.Process, inside: str) -> Path | None:
    """Return the grader's path of a file in the sandbox of a process; None if there is none."""
    for part in descendants(process):
        path = Path("/proc", str(part.pid), "root", inside.removeprefix("/"))
        if path.exists():
            return path
    return None


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """Return the processes that a process started, and those that they started."""
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def sandbox_command(
    command: list[str],
    folder: Path,
    limits: Limits,
    show: Iterable[tuple[Path, str]] = (),
    hidden_folders: Collection[str] = (),
) -> list[str]:
    """Return a command that runs another command in a sandbox.

    Parameters
    ----------
    command : list of str
        Its program must be visible inside: Python, or one in ``/usr``.
    folder : Path
        Gets what bubblewrap reads when it starts; the sandbox does not show it.
    limits : Limits
    show : iterable of (Path, str)
        More files to be read inside, with their paths there.
    hidden_folders : collection of str
        Folders of the edition's images to be left out, such as ``"dogs_vs_cats/test"``, and with
        them all stored features.

    Notes
    -----
    For an ordinary user, one bubblewrap in a user namespace does everything. Root must become
    another user, who has what Linux limits by user for this sandbox alone; the folders are mounted
    before that, because Python may lie where only root can read.
    """
    mounts = [*_mounts(limits, show, hidden_folders), "--chdir", HOME, *_environment()]
    # Process 1 inside is bubblewrap, so its environment is visible and must be empty. choom:
    # when memory runs out, Linux kills this process first.
    first = ["env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}"]
    first = _with_filter([*first, "choom", "-n", "1000", "--", "bwrap"], folder)
    first += ["--die-with-parent", "--new-session", *OWN_NAMESPACES, "--hostname", "sandbox"]
    if os.getuid() != 0:
        # Else process 1 would be bubblewrap: the same user, without limits, open to ptrace
        first += ["--as-pid-1", *NO_RIGHTS, *mounts, *NO_WRITING, "--"]
    else:
        inner = ["bwrap", "--die-with-parent", *NO_RIGHTS, "--dev-bind", "/", "/", *NO_WRITING]
        first += ["--cap-drop", "ALL", *CHANGE_USER, *mounts, "--"]
        first += [*_become(_free_user()), *inner, "--"]
    return [*first, *_limited(limits), *command]


OWN_NAMESPACES = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
NO_RIGHTS = (
    *("--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
    *("--uid", str(LEARNER), "--gid", str(LEARNER)),
)
NO_WRITING = ("--remount-ro", "/proc")
"""Else a submission could take back what choom says."""
CHANGE_USER = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP")


def _limited(limits: Limits) -> list[str]:
    sizes = [f"--as={limits.address_space}", f"--fsize={limits.file_size}", "--core=0"]
    return ["prlimit", *sizes, f"--nproc={limits.processes}", "--nofile=1024", "--"]


def _become(user: int) -> list[str]:
    ids = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return ["setpriv", *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]


_sandboxes = itertools.count()


def _free_user() -> int:
    """Return the id of a user that no other sandbox of this machine is.

    This process's id is unique in its namespace of process ids, whose own number tells it from
    other containers. Where a container maps only few users, all sandboxes are `NOBODY`.
    """
    users = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    if not any(int(start) + int(count) > USERS.stop for start, _, count in users):
        return NOBODY
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    number = os.getpid() * 16 + next(_sandboxes) % 16 + namespace * 2654435761
    return USERS[number % len(USERS)]


def _with_filter(bubblewrap: list[str], folder: Path) -> list[str]:
    """Let bubblewrap refuse some system calls; it reads the filter from file descriptor 9."""
    if (filter_program := seccomp.program()) is None:
        return bubblewrap
    file = folder / "filter"
    file.write_bytes(filter_program)
    return ["sh", "-c", 'exec "$@" 9<"$0"', str(file), *bubblewrap, "--seccomp", "9"]


class _Mounts:
    """Arguments of bubblewrap that put folders and files in place."""

    def __init__(self):
        self.arguments = ["--proc", "/proc", "--dev", "/dev"]
        self._known = {Path("/"), Path("/dev"), Path("/tmp")}

    def make_parents(self, inside: str) -> None:
        for parent in reversed(Path(inside).parents):
            if parent not in self._known:
                self.arguments += ["--perms", "0755", "--dir", str(parent)]
                self._known.add(parent)

    def tmpfs(self, inside: str, size: int, rights: str = "1777") -> None:
        self.make_parents(inside)
        self._known.add(Path(inside))
        self.arguments += ["--perms", rights, "--size", str(size), "--tmpfs", inside]

    def folder_at_home(self, name: str, place: str) -> None:
        """Make a folder that can be written to, with a link to it."""
        self.make_parents(place)
        self.arguments += ["--perms", "1777", "--dir", f"{HOME}/{name}"]
        target = os.path.relpath(f"{HOME}/{name}", Path(place).parent)
        self.arguments += ["--symlink", target, place]

    def show(self, path: Path, inside: str) -> None:
        self.make_parents(inside)
        if path.is_symlink() and path.parent == Path("/"):
            self.arguments += ["--symlink", str(path.readlink()), inside]
        else:
            self.arguments += ["--ro-bind", str(path), inside]

    def hide(self, folder: str) -> None:
        self.tmpfs(folder, 4096, rights="0755")
        self.arguments += ["--remount-ro", folder]


def _mounts(
    limits: Limits, show: Iterable[tuple[Path, str]], hidden_folders: Collection[str]
) -> list[str]:
    """Return the mounts: the sandbox shows nothing that is not listed here."""
    mounts = _Mounts()
    # Bubblewrap's /dev has its own folder shm. All else that can be written to is one tmpfs.
    mounts.tmpfs("/dev/shm", SHARED_MEMORY)
    mounts.tmpfs(HOME, limits.disk - SHARED_MEMORY)
    mounts.folder_at_home(".tmp", "/tmp")
    mounts.folder_at_home(".features", f"{DATA}/cache/features")
    features = [] if hidden_folders else _features()
    for path, inside in [*_shown(), *features, *show]:
        mounts.show(path, inside)
    for folder in _installed_rooms():
        mounts.hide(folder)
    edition = current_edition()
    for name in hidden_folders:
        if (edition.folder / name).is_dir():
            mounts.hide(f"{DATA}/{edition.name}/{name}")
    return [*mounts.arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


def _shown() -> list[tuple[Path, str]]:
    """Return what a sandbox shows of the machine, read-only, with the paths inside."""
    names = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
    system = [Path("/", name) for name in names if Path("/", name).is_dir()]
    same = [(path, str(path)) for path in [*system, *_python_folders()]]
    return [*same, *_course_code(), *_data()]


def _python_folders() -> list[Path]:
    """Return where Python and its packages are; none inside another."""
    folders = {Path(sys.prefix), Path(sys.base_prefix)}
    folders = {folder for folder in folders if not folder.is_relative_to("/usr")}
    return [
        folder
        for folder in sorted(folders)
        if not any(folder != other and folder.is_relative_to(other) for other in folders)
    ]


def _course_code() -> list[tuple[Path, str]]:
    """Return the code that answers and the agent need: no check, and nothing beside it.

    Without its ``__init__.py``, `course_admin` is a namespace package inside, with the agent alone.
    """
    checks = Path(course_checks.__file__).parent
    return [
        (Path(course_utils.__file__).parent, f"{COURSE}/course_utils"),
        (Path(absent_checks.__file__), f"{COURSE}/course_checks/__init__.py"),
        *((checks / name, f"{COURSE}/course_checks/{name}") for name in SHOWN_CHECKS),
        (Path(agent.__file__), f"{COURSE}/course_admin/grading/agent.py"),
    ]


def _installed_rooms() -> list[str]:
    """Return the folders of the course's packages that lie among others, and must be hidden."""
    place = Path(course_utils.__file__).parents[1]
    if not any(place.is_relative_to(path) for path in [Path("/usr"), *_python_folders()]):
        return []
    return [str(file.parent) for file in sorted(place.glob("course_*/__init__.py"))]


def _data() -> list[tuple[Path, str]]:
    """Return the edition's images and weights, with their paths inside."""
    edition = current_edition()
    shown = [(edition.folder, f"{DATA}/{edition.name}")]
    shown.append((Path.home() / ".keras" / "models", f"{HOME}/.keras/models"))
    if edition.mirror:
        shown += [(edition.mirror / n, f"{MIRROR}/{n}") for n in (MIRROR_WEIGHTS, CLASS_INDEX)]
    return [(path, inside) for path, inside in shown if path.exists()]


def _features() -> list[tuple[Path, str]]:
    """Return the stored features of images, with their paths inside."""
    files = sorted((data_root() / "cache" / "features").glob("*.npy"))
    return [(path, f"{HOME}/.features/{path.name}") for path in files]


def _environment() -> list[str]:
    """Set all the environment variables that the sandbox has."""
    edition = current_edition()
    variables = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "learner",
        "LANG": "C.UTF-8",
        "COURSE_EDITION": edition.name,
        "COURSE_BACKBONE": edition.backbone,
        "COURSE_INPUT_SIZE": str(edition.input_size),
        "COURSE_DATA": DATA,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": COURSE,
        # On machines without a filter, see `seccomp`: nobody who reads weights waits for a lock
        "HDF5_USE_FILE_LOCKING": "FALSE",
    }
    if edition.mirror:
        variables["COURSE_MIRROR"] = MIRROR
    return ["--clearenv", *sum((["--setenv", *pair] for pair in variables.items()), [])]
