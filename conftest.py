"""What tests and notebooks share: threads, order, the browser, where executed notebooks go."""

import os
import signal

import psutil
import pytest

import course_utils  # noqa: F401  first of all, because it says how TensorFlow and NumPy run

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets its background jobs ignore Ctrl-C, and some tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

if "PYTEST_XDIST_WORKER" in os.environ:
    # One worker a core: more threads would only wait for each other. Kernels inherit this.
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


WORKER_MEMORY = 4 * 2**30
"""What a worker may grow to: networks leave most of their memory with it for the next ones."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Start one worker a core, but only as many as the machine has memory for."""
    return max(1, min(os.cpu_count() or 1, psutil.virtual_memory().total // WORKER_MEMORY))


def skip_or_fail(reason: str) -> None:
    """Skip a test that cannot run here; in CI, where everything must run, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Use the Chromium of this machine; Playwright's own is never downloaded."""
    from tools.jupyterlab import find_chromium

    chromium = find_chromium()
    if chromium is None:
        skip_or_fail("there is no Chromium here (Debian, Ubuntu: apt install chromium)")
    return {**browser_type_launch_args, "executable_path": chromium}


@pytest.hookimpl(trylast=True)  # pytest itself groups tests by the browser that they use
def pytest_collection_modifyitems(items):
    """Start with what takes long, so that no core idles at the end; end with the browser.

    From its first use on, Playwright's event loop runs in the thread of the tests, in the way of
    code that starts one of its own.
    """
    with_browser = {item.path for item in items if uses_browser(item)}
    items.sort(
        key=lambda item: (
            item.path in with_browser,
            item.get_closest_marker("slow") is None,
            item.path in with_browser and uses_browser(item),
        )
    )


def uses_browser(item) -> bool:
    """Return whether a test drives Chromium."""
    return "playwright" in getattr(item, "fixturenames", ())


def pytest_runtest_teardown(item, nextitem):
    """Save a notebook with its outputs when nbval has executed its last cell."""
    if not hasattr(item, "test_outputs"):
        return
    from executed_notebooks import save_executed

    item.cell.outputs = item.test_outputs or []
    if nextitem is None or nextitem.parent is not item.parent:
        save_executed(item.parent.nb, item.path)
