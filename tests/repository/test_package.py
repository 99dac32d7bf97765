"""What holds for the package as a whole: light import, promised names, clean sources."""

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import course_utils
from conftest import skip_or_fail

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = [f"course_utils.{module.name}" for module in pkgutil.iter_modules(course_utils.__path__)]
DEVELOPER_PATH = re.compile(r"(?<![\w.])(/(home|Users)/\w|/(root)\b|[A-Z]:\\(Users)\\)")
INSTALLED = packages_distributions()
HEAVY = {"tensorflow", "keras"}


def imported_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def undocumented(module: ModuleType) -> list[str]:
    """Public functions, classes and methods of a module that have no docstring of their own."""
    members = {
        name: member
        for name, member in vars(module).items()
        if getattr(member, "__module__", None) == module.__name__
    }
    for name, member in list(members.items()):
        if inspect.isclass(member):
            methods = filter(inspect.isfunction, vars(member).values())
            members |= {f"{name}.{method.__name__}": method for method in methods}
    return [
        name
        for name, member in members.items()
        if not re.search(r"(^|\.)_", name) and not member.__doc__
    ]


def developer_paths(text: str) -> list[str]:
    """Lines that name a folder of one person's machine."""
    return [line.strip() for line in text.splitlines() if DEVELOPER_PATH.search(line)]


def third_party_imports(source: str) -> set[str]:
    """Distributions that a file imports, by the names that pip knows."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.partition(".")[0])
    return {canonicalize_name(INSTALLED[module][0]) for module in modules & INSTALLED.keys()}


def tracked_files() -> list[Path]:
    """The text files that git keeps."""
    command = ["git", "-c", f"safe.directory={REPOSITORY}", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if listing.returncode != 0:
        skip_or_fail(f"git cannot list the files: {listing.stderr.strip()}")
    paths = [REPOSITORY / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


def test_import_does_not_import_tensorflow():
    assert imported_by("import course_utils") & HEAVY == set()


def test_heavy_import_is_found():
    assert "keras" in imported_by("import sys; sys.modules['keras.layers'] = sys")


@pytest.mark.parametrize("own_setting, threads", [({}, {1}), ({"OPENBLAS_NUM_THREADS": "2"}, {2})])
def test_linear_algebra_runs_in_one_thread_unless_asked_otherwise(own_setting, threads):
    if os.cpu_count() < 2:
        skip_or_fail("this machine has a single core")
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    code = """
import course_utils, numpy, scipy.linalg
from threadpoolctl import threadpool_info
print(*{found["num_threads"] for found in threadpool_info() if found["internal_api"] == "openblas"})
"""
    command = [sys.executable, "-c", code]
    found = subprocess.check_output(command, env=environment | own_setting, text=True).split()
    if not found:
        skip_or_fail("NumPy does not use OpenBLAS here")
    assert set(map(int, found)) == threads


@pytest.mark.parametrize("name", course_utils.__all__)
def test_public_name_resolves(name):
    assert callable(getattr(course_utils, name))


def test_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'load_spilt'"):
        _ = course_utils.load_spilt


@pytest.mark.parametrize("name", MODULES)
def test_public_members_are_documented(name):
    assert undocumented(importlib.import_module(name)) == []


def test_undocumented_members_are_found():
    module = ModuleType("lesson")
    source = '''
def good():
    """Return nothing."""
def bad(): pass
def _private(): pass
class Good:
    """A class."""
    def bad(self): pass
'''
    exec(source, vars(module))
    assert undocumented(module) == ["bad", "Good.bad"]


def test_no_path_of_a_developer_machine():
    found = {
        str(path.relative_to(REPOSITORY)): lines
        for path in tracked_files()
        if (lines := developer_paths(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "path", ["/{home}/ada/course", "/{Users}/ada/x", "/{root}", "'/{root}/x'", "C:\\{Users}\\ada"]
)
def test_path_of_a_developer_machine_is_found(path):
    assert developer_paths("see " + re.sub("[{}]", "", path)) != []


@pytest.mark.parametrize(
    "text", ["data/home/x", "~/course", "https://example.org/home/x", "/rooted", "/tmp/x"]
)
def test_other_path_passes(text):
    assert developer_paths(f"see {text}") == []


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    requirements = sum((optional[extra] for extra in extras), project["dependencies"])
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


@pytest.mark.parametrize(
    ("folder", "extras"), [("course_utils", []), ("data_scripts", []), ("tests", ["dev"])]
)
def test_imported_packages_are_declared(folder, extras):
    sources = [path.read_text(encoding="utf-8") for path in REPOSITORY.glob(f"{folder}/**/*.py")]
    imported = set().union(*map(third_party_imports, sources))
    assert imported - declared(*extras) - {"course-utils"} == set()


def test_imports_are_found():
    source = "import os\nimport PIL.Image\nfrom . import x\ndef f():\n    from yaml import load\n"
    assert third_party_imports(source) == {"pillow", "pyyaml"}
