"""A sandbox for untrusted code: bubblewrap, with limits on everything inside.

It shows Python, `course_utils`, `course_checks`, the edition's images (read-only) and some memory
to write to. There is no network, no home folder, no other process and no file of the grader. The
section on attackers in ``instructor/README.md`` says what risks remain.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import course_checks
import course_utils
from course_admin.grading import agent, seccomp
from course_utils.editions import current_edition, data_root

NOBODY = 65534
"""The user id of submissions if the grader is root."""

MEGABYTE = 2**20

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
        Bytes of one file, and of the working folder and ``/tmp`` each.
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
    cell_output: int = MEGABYTE
    output: int = 64 * MEGABYTE


def sandbox_problem() -> str | None:
    """Return why submissions cannot be sandboxed here, or None if they can."""
    if sys.platform != "linux":
        return f"sandboxes need Linux, and this is {sys.platform}"
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        return f"not installed here: {', '.join(missing)}"
    with tempfile.TemporaryDirectory() as folder:
        command = sandbox_command([sys.executable, "-c", ""], Path(folder), Limits())
        result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        return f"bubblewrap does not work here: {result.stderr.strip() or result.returncode}"
    return None


def sandbox_command(command: list[str], shared: Path, limits: Limits) -> list[str]:
    """Return a command that runs another command in a sandbox.

    Parameters
    ----------
    command : list of str
        Its program must be visible inside: Python, or one in ``/usr``.
    shared : Path
        The one folder of the machine that the sandbox may write to; same path inside.
    limits : Limits

    Notes
    -----
    For an ordinary user, one bubblewrap in a user namespace does everything. Root must become
    another user, whose number of processes Linux does limit; the folders are mounted before
    that, because Python may lie where only root can read.
    """
    limited = [
        "prlimit",
        f"--as={limits.address_space}",
        f"--nproc={limits.processes}",
        f"--fsize={limits.file_size}",
        "--core=0",
        "--nofile=1024",
        "--",
        *command,
    ]
    own_namespaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    common = ["--die-with-parent", "--new-session", *own_namespaces]
    no_rights = ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
    mounts = [*_mounts(shared, limits), "--chdir", HOME, *_environment()]
    # Process 1 inside is bubblewrap, so its environment is visible and must be empty. choom:
    # when memory runs out, Linux kills this process first.
    first = ["env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}"]
    first = _with_filter([*first, "choom", "-n", "1000", "--", "bwrap"], shared)
    if os.getuid() != 0:
        # Else process 1 would be bubblewrap: the same user, without limits, open to ptrace
        return [*first, *common, "--as-pid-1", *no_rights, *mounts, "--", *limited]
    os.chown(shared, NOBODY, NOBODY)
    rights = sum((["--cap-add", f"CAP_{name}"] for name in ("SETUID", "SETGID", "SETPCAP")), [])
    become_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    become_nobody += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]
    inner = ["bwrap", "--die-with-parent", *no_rights, "--dev-bind", "/", "/", "--"]
    outer = [*first, *common, "--cap-drop", "ALL", *rights, *mounts, "--"]
    return [*outer, *become_nobody, *inner, *limited]


def _with_filter(bubblewrap: list[str], folder: Path) -> list[str]:
    """Let bubblewrap refuse some system calls; it reads the filter from file descriptor 9."""
    if (filter_program := seccomp.program()) is None:
        return bubblewrap
    file = folder / "filter"
    file.write_bytes(filter_program)
    return ["sh", "-c", 'exec "$@" 9<"$0"', str(file), *bubblewrap, "--seccomp", "9"]


HOME = "/learner"
DATA = "/data"


def _mounts(shared: Path, limits: Limits) -> list[str]:
    """Return the mounts: the sandbox shows nothing that is not listed here."""
    arguments = []
    known = set()  # folders that exist inside by now

    def make_parents(inside):
        for parent in reversed(inside.parents):
            if parent not in known and parent != Path("/"):
                arguments.extend(["--perms", "0755", "--dir", str(parent)])
                known.add(parent)

    def bind(path, inside=None, option="--ro-bind"):
        inside = Path(inside or path)
        make_parents(inside)
        arguments.extend([option, str(path), str(inside)])

    def tmpfs(path, size=limits.disk):
        make_parents(Path(path))
        known.add(Path(path))
        arguments.extend(["--perms", "1777", "--size", str(size), "--tmpfs", path])

    bind("/usr")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            arguments.extend(["--symlink", str(path.readlink()), str(path)])
        elif path.is_dir():
            bind(path)
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    tmpfs("/dev/shm", 64 * MEGABYTE)
    tmpfs("/tmp")
    tmpfs(HOME)
    for path in _python_folders():
        bind(path)
    for path, inside in _data_folders():
        bind(path, inside)
    tmpfs(f"{DATA}/cache/features")
    for path in sorted((data_root() / "cache" / "features").glob("*.npy")):
        bind(path, f"{DATA}/cache/features/{path.name}")
    bind(shared, option="--bind")
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


def _python_folders() -> list[Path]:
    """Return where Python, its packages and the course's are; none inside another."""
    folders = {Path(sys.prefix), Path(sys.base_prefix), *_course_code()}
    folders = {folder for folder in folders if not folder.is_relative_to("/usr")}
    return [
        folder
        for folder in sorted(folders)
        if not any(folder != other and folder.is_relative_to(other) for other in folders)
    ]


def _course_code() -> list[Path]:
    """Return the code that answers and the agent need, one by one.

    In a checkout, their common parent also holds the hidden tests. Without its ``__init__.py``,
    `course_admin` is a namespace package inside, with the agent alone.
    """
    packages = [Path(package.__file__).parent for package in (course_utils, course_checks)]
    return [*packages, Path(agent.__file__)]


def _data_folders() -> list[tuple[Path, str]]:
    """Return the edition's images and downloaded weights, with their paths inside."""
    edition = current_edition()
    folders = [(edition.folder, f"{DATA}/{edition.name}")]
    folders.append((Path.home() / ".keras" / "models", f"{HOME}/.keras/models"))
    return [(path, inside) for path, inside in folders if path.is_dir()]


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
        # An editable install finds no package without __init__.py, so not the agent's
        "PYTHONPATH": str(Path(course_utils.__file__).parents[1]),
    }
    return ["--clearenv", *sum((["--setenv", *pair] for pair in variables.items()), [])]
