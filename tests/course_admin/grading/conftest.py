"""What the tests of grading share: gradebooks in a file and in PostgreSQL."""

import functools
import itertools

import nbgrader.api
import pytest
from grading.databases import connected, postgresql_server, server_programs

from conftest import skip_or_fail
from course_admin.grading import gradebook

_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def known_version():
    """Ask alembic only once for the version of nbgrader's tables, which takes seconds."""
    version = functools.cache(nbgrader.api.get_alembic_version)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", version)
        patch.setattr(gradebook, "get_alembic_version", version)
        yield


@pytest.fixture(scope="session")
def postgresql():
    """The URL of a PostgreSQL server, without the name of a database."""
    if server_programs() is None:
        skip_or_fail("no PostgreSQL server here (Debian, Ubuntu: apt install postgresql)")
    with postgresql_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The URL of a gradebook that is not there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'gradebook.db'}"
        return
    server = request.getfixturevalue("postgresql")
    name = f"gradebook_{next(_numbers)}"
    with connected(f"{server}/postgres") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
