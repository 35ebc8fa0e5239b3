"""The state of an unfinished training, in one file that is replaced as a whole."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nvmsim.errors import InputError

_VECTORS = ("weights", "average", "momentum", "variance", "buffers")


@dataclass(frozen=True)
class Checkpoint:
    """Training after ``step`` steps: flat float32 vectors and the time spent so far.

    ``weights``, ``average``, ``momentum`` and, with Adam, ``variance`` are [n_weights]; ``buffers`` are the statistics
    of batch norm, if any. ``torch`` are the versions that trained so far, oldest first.

    ``identity`` is the text of everything that decides the result; another identity is another training.
    """

    step: int
    seconds: float
    identity: str
    vectors: Mapping[str, np.ndarray]
    torch: tuple[str, ...]

    def save(self, path: Path) -> None:
        """Write to ``path``; a kill at any moment leaves either the old or the new file."""
        metadata = {"step": str(self.step), "seconds": str(self.seconds), "identity": self.identity}
        metadata |= {"torch": list(self.torch)}
        write_whole(path, save(dict(self.vectors), {"nvmsim": json.dumps(metadata)}))

    @classmethod
    def load(cls, path: Path, identity: str) -> "Checkpoint | None":
        """Read ``path``, None if there is none.

        Raises InputError if it is damaged, or is of another training than ``identity``.
        """
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = json.loads(file.metadata()["nvmsim"])
                vectors = {name: file.get_tensor(name) for name in _VECTORS}
            spent = int(metadata["step"]), float(metadata["seconds"])
            found = cls(*spent, metadata["identity"], vectors, tuple(metadata.get("torch", ())))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: not a readable checkpoint ({error}); move it away to start anew") from error
        if found.identity != identity:
            raise InputError(f"{path}: belongs to another training (recipe, network or data differ); "
                             "choose another --out, or move it away to start anew")  # fmt: skip
        return found


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that no reader and no kill ever meets a part of it.

    Raises InputError if the place cannot be written or the disk is full; what was there stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
