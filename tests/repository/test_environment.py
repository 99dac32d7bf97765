"""The conda route installs the same pins as make: its pip section is requirements.txt."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name
from repository.pins import read_pins

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPOSITORY / "requirements.txt"
ENVIRONMENT = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))
FINISH = ["pip install --no-deps --no-build-isolation -e .", "course data make"]


def pip_section(environment: dict) -> list[str]:
    """The lines that conda hands to pip."""
    sections = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    return sum(sections, [])


def drifts(environment: dict) -> list[str]:
    """Ways in which an environment may come to other packages than requirements.txt."""
    problems = []
    if pip_section(environment) != ["-r requirements.txt"]:
        problems.append(f"the pip section is {pip_section(environment)}")
    conda = [part for part in environment["dependencies"] if isinstance(part, str)]
    extra = [part for part in conda if part.split("=")[0] not in ("python", "pip")]
    if extra:
        problems.append(f"conda itself installs {', '.join(extra)}")
    if not {"python=3.11", "python=3.12", "python=3.13"} & set(conda) or "pip" not in conda:
        problems.append("there is no python=3.11, 3.12 or 3.13, or no pip")
    return problems


def freeze_differences(frozen: str, pins: dict[str, str]) -> list[str]:
    """Packages of ``pip freeze --all`` that are not as pinned, pip itself aside."""
    lines = (line.partition("==") for line in frozen.splitlines())
    installed = {canonicalize_name(name): version for name, _, version in lines}
    installed.pop("pip", None)
    return [
        f"{name}: pinned {pins.get(name)}, installed {installed.get(name)}"
        for name in sorted(pins.keys() | installed.keys())
        if pins.get(name) != installed.get(name)
    ]


def applying_pins() -> dict[str, str]:
    """The pins that are meant for this machine."""
    pins = read_pins(REQUIREMENTS.read_text(encoding="utf-8"))
    return {pin.name: pin.version for pin in pins if pin.applies()}


def test_environment_installs_the_pins_and_nothing_else():
    assert drifts(ENVIRONMENT) == []


def changed(change) -> dict:
    environment = copy.deepcopy(ENVIRONMENT)
    change(environment["dependencies"])
    return environment


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts[-1]["pip"].append("tensorflow"),
        lambda parts: parts[-1].update(pip=["-r requirements-dev.txt"]),
        lambda parts: parts.pop(),
        lambda parts: parts.append({"pip": ["rich"]}),
        lambda parts: parts.append("numpy=2.0"),
        lambda parts: parts.remove("pip"),
        lambda parts: parts.remove("python=3.12"),
    ],
)
def test_drift_is_found(change):
    assert len(drifts(changed(change))) == 1


def test_binder_and_the_conda_route_finish_alike():
    binder = (REPOSITORY / "postBuild").read_text(encoding="utf-8").splitlines()
    assert binder[-2:] == FINISH
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [step for step in FINISH if step not in readme] == []


def test_freeze_that_agrees_passes():
    assert freeze_differences("Pillow==12.1.0\npip==26.0\n", {"pillow": "12.1.0"}) == []


@pytest.mark.parametrize(
    "frozen",
    ["", "pillow==12.1.1", "pillow==12.1.0\nrich==1.0", "pillow @ file:///pillow.whl"],
    ids=["missing", "other version", "extra", "from a file"],
)
def test_freeze_that_differs_is_found(frozen):
    assert freeze_differences(frozen, {"pillow": "12.1.0"}) != []


def test_environment_of_ci_holds_the_pins_and_nothing_else():
    """Conda hands pip the file that ``make setup`` installs, which must be complete for both."""
    if os.environ.get("CI") != "true":
        pytest.skip("somebody may have installed more here; runs in CI")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "check"], check=True)
    freeze = [*pip, "freeze", "--all", "--exclude-editable"]
    frozen = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    assert freeze_differences(frozen, applying_pins()) == []
