"""What all tests share."""

import os

import pytest

import course_utils  # noqa: F401  first of all, because it says how TensorFlow and NumPy run
from tools.jupyterlab import find_chromium


def skip_or_fail(reason: str) -> None:
    """Skip a test that cannot run here; in CI, where everything must run, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Use the Chromium of this machine; Playwright's own is never downloaded."""
    chromium = find_chromium()
    if chromium is None:
        skip_or_fail("there is no Chromium here (Debian, Ubuntu: apt install chromium)")
    return {**browser_type_launch_args, "executable_path": chromium}


@pytest.hookimpl(trylast=True)  # pytest itself groups tests by the browser that they use
def pytest_collection_modifyitems(items):
    """Put the tests with a browser last.

    From the first of them on, Playwright's event loop runs in this thread, and code that
    starts one of its own, or asks whether one runs, no longer finds what it finds elsewhere.
    """
    items.sort(key=lambda item: "playwright" in getattr(item, "fixturenames", ()))
