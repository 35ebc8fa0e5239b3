"""Data sets for tests: an HTTP server on this machine, archives, and the real ones where they are at hand."""

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

GIVEN_DATA = os.environ.get("NVMSIM_DATA", "")


def needs(path: str) -> pytest.MarkDecorator:
    """Skip a test of a data set that is not bundled, where it is not at hand."""
    return pytest.mark.skipif(not (GIVEN_DATA and (Path(GIVEN_DATA) / path).exists()), reason=f"no {path} here")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve ``folder`` on this machine, and give the address."""
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def tar_bytes(*members: tuple[str, bytes], link: str | None = None) -> bytes:
    """Return a gzip-compressed tar of regular files, or of symbolic links to ``link`` with their names."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if link:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, link, 0
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()
