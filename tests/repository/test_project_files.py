"""What tells others how to cite, change and release the course agrees with the course itself."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
GUIDES = ("README.md", "CONTRIBUTING.md", ".github/PULL_REQUEST_TEMPLATE.md")
ROOMS = ("course_utils", "course_checks", "course_admin", "data_scripts", "experiments")
ALLOWED = {
    "course_utils": set(),
    "course_checks": {"course_utils"},
    "course_admin": {"course_utils", "course_checks", "data_scripts"},
    "data_scripts": {"course_utils"},
    "experiments": {"course_utils", "data_scripts"},
}
"""Which rooms each one may import, as docs/architecture.md draws them."""


def read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def citation_problems(text: str) -> list[str]:
    """Ways in which a text is not a citation file; the schema asks for these keys."""
    citation = yaml.safe_load(text)
    required = ("cff-version", "message", "title", "authors", "version", "date-released")
    problems = [f"no {key}" for key in required if not citation.get(key)]
    if str(citation.get("cff-version")) != "1.2.0":
        problems.append("not version 1.2.0 of the format")
    return problems


def make_targets(text: str) -> set[str]:
    """The targets that a text calls with make, options and variables aside."""
    calls = re.findall(r"(?:`|run: |^)make ((?:--[\w-]+ )*[a-z][\w-]*)", text, re.MULTILINE)
    return {call.split()[-1] for call in calls}


def unknown_targets(text: str) -> set[str]:
    return make_targets(text) - set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def forbidden_imports(room: str, source: str) -> set[str]:
    """The rooms that a module imports and must not know."""
    # data_scripts and experiments are imported as course_data_scripts and course_experiments
    pattern = rf"^\s*(?:from|import) (?:course_(?=[de]))?({'|'.join(ROOMS)})\b"
    return set(re.findall(pattern, source, re.MULTILINE)) - ALLOWED[room] - {room}


def test_citation_is_complete():
    assert citation_problems(read("CITATION.cff")) == []


@pytest.mark.parametrize("key", ["cff-version", "authors", "title"])
def test_incomplete_citation_is_found(key):
    text = re.sub(rf"^{key}:.*\n(?:  .*\n)*", "", read("CITATION.cff"), flags=re.MULTILINE)
    assert f"no {key}" in citation_problems(text)


def test_version_is_the_same_everywhere():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    citation = yaml.safe_load(read("CITATION.cff"))
    newest = re.search(r"^## (\S+) - (\S+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert (version, str(citation["date-released"])) == newest.groups()
    assert str(citation["version"]) == version


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_calls_a_make_target(path):
    text = path.read_text(encoding="utf-8")
    assert make_targets(text) and not unknown_targets(text)


@pytest.mark.parametrize("name", GUIDES)
def test_guide_names_make_targets_that_exist(name):
    assert unknown_targets(read(name)) == set()


@pytest.mark.parametrize("text", ["see `make tests`", "make labb\n", "- run: make --silent tst"])
def test_unknown_make_target_is_found(text):
    assert len(unknown_targets(text)) == 1


def test_hooks_run_the_pinned_tools():
    (local,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert local["repo"] == "local"
    entries = [hook["entry"] for hook in local["hooks"]]
    assert all(entry.startswith(".venv/bin/python -m ") for entry in entries)


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_the_drawing_shows(room):
    sources = {path: path.read_text(encoding="utf-8") for path in (REPOSITORY / room).rglob("*.py")}
    found = {
        str(path): bad for path, text in sources.items() if (bad := forbidden_imports(room, text))
    }
    assert found == {}


def test_forbidden_import_is_found():
    source = "import course_utils.plots\n    from course_admin.grading import judge\n"
    assert forbidden_imports("course_checks", source) == {"course_admin"}
    assert forbidden_imports("course_utils", "import course_data_scripts.draw") == {"data_scripts"}
