"""JupyterLab as a learner has it, in a browser: one server for all tests, one kernel a module."""

import pytest

from tools.jupyterlab import running_lab


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1280, "height": 1000}}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


@pytest.fixture(scope="module")
def lab(server):
    yield server
    server.end_kernels()
