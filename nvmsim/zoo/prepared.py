"""Arrays that take seconds to prepare, kept in the cache folder for the next process."""

import contextlib
import hashlib
import io
from collections.abc import Callable

import numpy as np

from nvmsim.errors import InputError
from nvmsim.zoo.checkpoint import write_whole
from nvmsim.zoo.files import cache_folder

_DIGEST_BYTES = 32


def prepared(key: str, build: Callable[[], np.ndarray]) -> np.ndarray:
    """Return ``build()``, or what an earlier call kept under ``key``, a checksum of all that decides the array.

    It lies in ``prepared/KEY.npy`` of the cache folder, a npy file with its own sha256 behind. One that is damaged
    is built again; where nothing can be written, every call builds.
    """
    path = cache_folder() / "prepared" / f"{key}.npy"
    with contextlib.suppress(OSError, ValueError):
        return _unpack(path.read_bytes())
    array = build()
    with contextlib.suppress(InputError):
        write_whole(path, _pack(array))
    return array


def _pack(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue() + hashlib.sha256(stream.getbuffer()).digest()


def _unpack(content: bytes) -> np.ndarray:
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("damaged")
    return np.load(io.BytesIO(body), allow_pickle=False)
