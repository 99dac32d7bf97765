"""Reading requirements.txt, and what may be wrong with it."""

import re
from dataclasses import dataclass
from itertools import product

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"))
ENVIRONMENTS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": sys_platform,
        "platform_system": system,
        "os_name": os_name,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for python, (sys_platform, system, os_name) in product(PYTHONS, PLATFORMS)
]
"""The machines for which the pins are made, as markers see them."""


@dataclass(frozen=True)
class Pin:
    """One line of requirements.txt."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str | None:
        exact = re.fullmatch(r"==([^*]+)", str(self.requirement.specifier))
        return exact and exact[1]

    def applies(self, environment: dict[str, str] | None = None) -> bool:
        marker = self.requirement.marker
        return marker is None or marker.evaluate(environment)


def entries(text: str) -> list[str]:
    """The lines of requirements.txt, continued ones joined, without comments."""
    joined = re.sub(r"\\\n\s*", "", text)
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def read_pins(text: str) -> list[Pin]:
    """Read what `problems_of_form` finds nothing wrong with."""
    pins = []
    for entry in entries(text):
        requirement, *hashes = re.split(r"\s*--hash=", entry)
        pins.append(Pin(Requirement(requirement), tuple(hashes)))
    return pins


def problems_of_form(text: str) -> list[str]:
    """Whatever is no exact version with hashes, and every address."""
    problems = [f"address: {line}" for line in text.splitlines() if "://" in line]
    for entry in entries(text):
        try:
            (pin,) = read_pins(entry)
        except InvalidRequirement:
            problems.append(f"no pin: {entry[:80]}")
            continue
        if pin.version is None or pin.requirement.url:
            problems.append(f"no exact version: {pin.requirement}")
        if not pin.hashes or not all(re.fullmatch("sha256:[0-9a-f]{64}", h) for h in pin.hashes):
            problems.append(f"no sha256 hash, or a broken one: {pin.requirement}")
    return problems


def unsatisfied(requirements: list[str], pins: list[Pin]) -> list[str]:
    """Requirements that on some machine no pin, or one of the wrong version, answers."""
    problems = []
    for requirement in map(Requirement, requirements):
        for environment in ENVIRONMENTS:
            versions = [
                pin.version
                for pin in pins
                if pin.name == canonicalize_name(requirement.name) and pin.applies(environment)
            ]
            if len(versions) != 1 or not requirement.specifier.contains(versions[0]):
                python, platform = environment["python_version"], environment["sys_platform"]
                problems.append(f"{requirement}: pinned {versions} on {platform}, {python}")
    return problems
