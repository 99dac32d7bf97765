"""Gradebooks for tests: a file, and a PostgreSQL server from Debian's package."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import MetaData, create_engine

USER = "teacher"


def server_programs() -> Path | None:
    """Return the newest folder with a PostgreSQL server, if there is one."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: float(path.parents[1].name), default=None)
    return newest.parent if newest else None


@contextlib.contextmanager
def postgresql_server() -> Iterator[str]:
    """Run a server with empty data; give the URL of its databases, without their names."""
    programs, port = server_programs(), _free_port()
    with _folder_of_server() as folder:
        settings = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--no-sync"]
        making = [str(programs / "initdb"), "-D", str(folder / "data"), *settings]
        subprocess.run(_unprivileged(making), check=True, capture_output=True, cwd=folder)
        quick = [f"-c{name}=off" for name in ("fsync", "full_page_writes")]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
        command += ["-h", "127.0.0.1", "-k", str(folder), *quick]
        with (folder / "log.txt").open("wb") as log:
            server = subprocess.Popen(_unprivileged(command), stderr=log, stdout=log, cwd=folder)
        try:
            url = f"postgresql+psycopg://{USER}@127.0.0.1:{port}"
            _wait_for(url, server, folder / "log.txt")
            yield url
        finally:
            server.send_signal(2)  # end all connections and stop
            server.wait(30)


@contextlib.contextmanager
def _folder_of_server() -> Iterator[Path]:
    """Give a folder with a short name, for the socket in it, that the server's user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))
    if os.getuid() == 0:
        shutil.chown(folder, *_servers_user())
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _servers_user() -> tuple[int, int]:
    with contextlib.suppress(KeyError):
        user = pwd.getpwnam("postgres")
        return user.pw_uid, user.pw_gid
    return 65534, 65534


def _unprivileged(command: list[str]) -> list[str]:
    """Run a command as another user where this one is root, as whom PostgreSQL does not run."""
    if os.getuid() != 0:
        return command
    user, group = _servers_user()
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--", *command]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        with contextlib.suppress(Exception), connected(f"{url}/postgres"):
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()}")


@contextlib.contextmanager
def connected(url: str) -> Iterator:
    """Give a connection on which each statement counts at once."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def contents(url: str) -> dict[str, list[tuple]]:
    """Return all rows of all tables."""
    with connected(url) as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for name, table in tables.tables.items()
        }
