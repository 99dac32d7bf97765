"""A Python kernel that nobody needs to trust: bubblewrap around ipykernel, and limits on all of it.

Inside there is Python, the course's packages, the edition's pictures (read-only) and a little
room in memory to write to. There is no network, no home folder, no other process and no file
of the grader. See the sections on security in ``instructor/README.md`` for what remains.
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
from course_admin.grading import seccomp
from course_utils.editions import current_edition, data_root

NOBODY = 65534
"""The user as which submissions run where the grader is root."""

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
    """What one submission may use.

    Attributes
    ----------
    cell_seconds, total_seconds : float
        Time for one cell or one call of a function, and for all of them together.
    memory : int
        Resident bytes of all its processes together.
    address_space : int
        Virtual bytes of one process; TensorFlow reserves far more than it uses.
    processes : int
        Processes and threads at the same time.
    file_size, disk : int
        Bytes of one file, and of the working folder and ``/tmp`` each.
    cell_output, output : int
        Bytes of output that are kept of a cell; and that end a submission altogether.
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
    """Return why submissions cannot be sandboxed here, or None where they can."""
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
    """Return a command that runs another one in a sandbox.

    Parameters
    ----------
    command : list of str
        Its program must be one that the sandbox shows: Python, or one in ``/usr``.
    shared : Path
        The one folder that the sandbox may write to, under the same name inside.
    limits : Limits

    Notes
    -----
    A user who is not root gets everything from one bubblewrap in a user namespace of its own.
    Root must first become another user, because the kernel does not limit the number of root's
    processes; and as Python may lie where only root can look, the folders are mounted before.
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
    # bubblewrap itself is seen inside as process 1, with the environment it was started with;
    # and where memory runs out, this ends and no other.
    first = ["env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}"]
    first = _with_filter([*first, "choom", "-n", "1000", "--", "bwrap"], shared)
    if os.getuid() != 0:
        # Process 1 would be bubblewrap, of the same user, without limits, and could be steered
        return [*first, *common, "--as-pid-1", *no_rights, *mounts, "--", *limited]
    os.chown(shared, NOBODY, NOBODY)
    rights = sum((["--cap-add", f"CAP_{name}"] for name in ("SETUID", "SETGID", "SETPCAP")), [])
    become_nobody = [
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
        "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--",
    ]  # fmt: skip
    inner = ["bwrap", "--die-with-parent", *no_rights, "--dev-bind", "/", "/", "--"]
    outer = [*first, *common, "--cap-drop", "ALL", *rights, *mounts, "--"]
    return [*outer, *become_nobody, *inner, *limited]


def _with_filter(bubblewrap: list[str], folder: Path) -> list[str]:
    """Start bubblewrap so that it refuses some system calls; it reads the filter from a number."""
    if (filter_program := seccomp.program()) is None:
        return bubblewrap
    file = folder / "filter"
    file.write_bytes(filter_program)
    return ["sh", "-c", 'exec "$@" 9<"$0"', str(file), *bubblewrap, "--seccomp", "9"]


HOME = "/learner"
DATA = "/data"


def _mounts(shared: Path, limits: Limits) -> list[str]:
    """What the sandbox shows: nothing that is not listed here."""
    arguments = []
    known = set()

    def make_parents(inside):
        for parent in reversed(inside.parents):
            if parent not in known and parent != Path("/"):
                arguments.extend(["--perms", "0755", "--dir", str(parent)])
                known.add(parent)

    def show(path, inside=None, option="--ro-bind"):
        inside = Path(inside or path)
        make_parents(inside)
        arguments.extend([option, str(path), str(inside)])

    def room(path, size=limits.disk):
        make_parents(Path(path))
        known.add(Path(path))
        arguments.extend(["--perms", "1777", "--size", str(size), "--tmpfs", path])

    show("/usr")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            arguments.extend(["--symlink", str(path.readlink()), str(path)])
        elif path.is_dir():
            show(path)
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    room("/dev/shm", 64 * MEGABYTE)
    room("/tmp")
    room(HOME)
    for path in _python_folders():
        show(path)
    for path, inside in _data_folders():
        show(path, inside)
    room(f"{DATA}/cache/features")
    for path in sorted((data_root() / "cache" / "features").glob("*.npy")):
        show(path, f"{DATA}/cache/features/{path.name}")
    show(shared, option="--bind")
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


def _python_folders() -> list[Path]:
    """Where Python, its packages and this one are; none within another."""
    folders = {Path(sys.prefix), Path(sys.base_prefix), *_rooms()}
    folders = {folder for folder in folders if not folder.is_relative_to("/usr")}
    return [
        folder
        for folder in sorted(folders)
        if not any(folder != other and folder.is_relative_to(other) for other in folders)
    ]


def _rooms() -> list[Path]:
    """The parts of the course that an answer may need, one by one.

    The folder that holds them all would show the hidden tests.
    """
    homes = [course_utils, course_checks]
    return [Path(home.__file__).parent for home in homes] + [Path(__file__).with_name("agent.py")]


def _data_folders() -> list[tuple[Path, str]]:
    """The edition's pictures and downloaded weights, and where they lie inside."""
    edition = current_edition()
    folders = [(edition.folder, f"{DATA}/{edition.name}")]
    folders.append((Path.home() / ".keras" / "models", f"{HOME}/.keras/models"))
    return [(path, inside) for path, inside in folders if path.is_dir()]


def _environment() -> list[str]:
    """All the environment variables that the sandbox has."""
    edition = current_edition()
    variables = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "learner",
        "LANG": "C.UTF-8",
        "COURSE_EDITION": edition.name,
        "COURSE_BACKBONE": edition.backbone,
        "COURSE_DATA": DATA,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return ["--clearenv", *sum((["--setenv", *pair] for pair in variables.items()), [])]
