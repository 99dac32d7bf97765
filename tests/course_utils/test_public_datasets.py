"""Public data sets come as they are or not at all, and the message says what to do."""

import hashlib
import http.server
import io
import socket
import threading

import numpy as np
import pytest

from course_data_scripts.download import DownloadError
from course_utils.datasets import load_public


def as_npz(train: int, test: int, classes: int = 10) -> bytes:
    """A file in the format of Keras' mnist.npz, of black pictures: for these tests only."""
    parts = {}
    for part, count in (("train", train), ("test", test)):
        parts[f"x_{part}"] = np.zeros((count, 28, 28), "uint8")
        parts[f"y_{part}"] = (np.arange(count) % classes).astype("uint8")
    file = io.BytesIO()
    np.savez_compressed(file, **parts)
    return file.getvalue()


@pytest.fixture(autouse=True)
def empty_keras_home(tmp_path, monkeypatch):
    """A place for downloads in which there is nothing yet."""
    from keras.src.utils import file_utils

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    real = file_utils.get_file

    def get_file(*arguments, **settings):
        return real(*arguments, **{**settings, "cache_dir": str(tmp_path)})

    monkeypatch.setattr(file_utils, "get_file", get_file)
    for name in ("mnist", "fashion_mnist"):
        monkeypatch.setattr(f"keras.src.datasets.{name}.get_file", get_file)
    return tmp_path


@pytest.fixture
def served(monkeypatch):
    """Let Keras fetch mnist.npz from a server here, which gives `served.content`."""
    from keras.src.datasets import mnist

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(server.content)))
            self.end_headers()
            if server.stall:
                server.released.wait(10)
            else:
                self.wfile.write(server.content)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.stall, server.asked = as_npz(60_000, 10_000), False, 0
    server.released, server.expected = threading.Event(), None
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    get_file = mnist.get_file

    def from_here(fname, origin, file_hash):
        own = hashlib.sha256(server.content).hexdigest()
        address = f"http://127.0.0.1:{server.server_port}/{fname}"
        return get_file(fname, address, file_hash=server.expected or own)

    monkeypatch.setattr(mnist, "get_file", from_here)
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def no_network(monkeypatch):
    """Send all requests to a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)


def test_loads_once_and_then_from_disk(served):
    (x_train, y_train), (x_test, y_test) = load_public("mnist")
    assert (x_train.shape, x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert (y_train.shape, y_test.shape) == ((60_000,), (10_000,))
    load_public("mnist")
    assert served.asked == 1


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_without_network_says_what_to_do(no_network, name, empty_keras_home):
    with pytest.raises(DownloadError) as caught:
        load_public(name)
    message = str(caught.value)
    assert f"{name} is not on this machine and could not be fetched" in message
    assert "Connect to the internet once" in message and str(empty_keras_home) in message


def test_a_file_with_another_sum_is_refused(served):
    served.expected = "0" * 64
    with pytest.raises(DownloadError, match="hash does not match"):
        load_public("mnist")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (as_npz(30, 10), r"pictures \(30, 28, 28\)"),
        (as_npz(60_000, 10_000, classes=2), "2 classes"),
    ],
    ids=["too few", "other classes"],
)
def test_other_data_under_the_name_are_refused(served, content, found):
    served.content = content
    with pytest.raises(DownloadError, match=f"something else.*{found}"):
        load_public("mnist")


def test_a_stalled_server_is_given_up(served):
    served.stall = True
    with pytest.raises(DownloadError, match="timed out"):
        load_public("mnist", timeout=0.3)
    assert socket.getdefaulttimeout() is None


def test_unknown_name_names_the_known_ones():
    with pytest.raises(ValueError, match="choose one of: mnist, fashion_mnist"):
        load_public("imagenet")


def test_a_login_page_in_place_of_a_file_is_no_data_set(monkeypatch, tmp_path):
    page = tmp_path / "page"
    page.write_text("<html>Please log in</html>")
    monkeypatch.setattr("keras.src.datasets.fashion_mnist.get_file", lambda *a, **k: str(page))
    with pytest.raises(DownloadError, match=r"(?i)not a gzipped file.*damaged, delete"):
        load_public("fashion_mnist")
