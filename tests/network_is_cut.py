"""Run beside the notebooks of the pocket edition: proves that they have no network.

It is not a ``test_*.py``: with a network there is nothing to prove.
"""

import errno
import os
import socket
from pathlib import Path

import pytest
from offline import VARIABLE, routes

from conftest import skip_or_fail

DOCUMENTATION_ADDRESS = "192.0.2.1"  # RFC 5737: belongs to nobody


@pytest.fixture(autouse=True)
def cut():
    if not os.environ.get(VARIABLE):
        skip_or_fail("the network could not be cut off: unshare does not work here")


def test_no_route_leads_out():
    assert routes(Path("/proc/net/route").read_text()) == []


def test_a_connection_fails_at_once():
    # Nothing is sent where there is a way out: this comes before the connection.
    assert routes(Path("/proc/net/route").read_text()) == []
    with pytest.raises(OSError) as error:
        socket.create_connection((DOCUMENTATION_ADDRESS, 80), timeout=2)
    assert error.value.errno == errno.ENETUNREACH


def test_loopback_works():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=2) as client,
    ):
        assert client.getpeername() == server.getsockname()
