"""The stored weights of a network: names, shapes and values, without torch."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nvmsim.errors import InputError

_ORDER = "nvmsim.order"
_FLOATS = ("F64", "F32", "F16")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor among the stored weights: weights ``start`` to ``start + size`` of the flat float32 vector.

    ``module`` is the layer that it belongs to: a layer's weights and biases share a range of scope ``layer``.
    """

    name: str
    module: str
    shape: tuple[int, ...]
    start: int
    size: int


def lay_out(shapes: Iterable[tuple[str, Sequence[int]]]) -> tuple[StoredTensor, ...]:
    """Place tensors one behind the other.

    >>> lay_out([("fc.weight", (2, 3)), ("fc.bias", (2,))])[1]
    StoredTensor(name='fc.bias', module='fc', shape=(2,), start=6, size=2)
    """
    tensors, start = [], 0
    for name, shape in shapes:
        size = math.prod(shape)
        tensors.append(StoredTensor(name, name.rpartition(".")[0], tuple(shape), start, size))
        start += size
    return tuple(tensors)


def weights_bytes(tensors: Sequence[StoredTensor], flat: np.ndarray) -> bytes:
    """Return a safetensors file of ``flat`` (float32 [n_weights]), which remembers the order of ``tensors``."""
    parts = {t.name: flat[t.start : t.start + t.size].reshape(t.shape) for t in tensors}
    # safetensors sorts by name; the stored order is that of the state dict.
    return save(parts, {_ORDER: json.dumps([t.name for t in tensors])})


def read_layout(path: Path) -> tuple[StoredTensor, ...]:
    """Return the tensors of a safetensors file, in the order it remembers, else in the order of its bytes.

    Raises InputError if the file is missing, cut off or damaged, or holds tensors that are not floating-point.
    """
    with _open(path) as file:
        names = _order(path, file)
        slices = {name: file.get_slice(name) for name in names}
        wrong = [f"{path}: {name}: {part.get_dtype()}: only {', '.join(_FLOATS)} weights can be stored"
                 for name, part in slices.items() if part.get_dtype() not in _FLOATS]  # fmt: skip
        if wrong or not names:
            raise InputError(wrong or f"{path}: holds no weights")
        return lay_out((name, part.get_shape()) for name, part in slices.items())


def read_weights(path: Path, tensors: Sequence[StoredTensor]) -> np.ndarray:
    """Return the values of ``tensors`` in the safetensors file ``path``, as one float32 vector.

    Raises InputError if one of them is not a finite float32.
    """
    with _open(path) as file:
        flat = np.concatenate([file.get_tensor(t.name).reshape(-1).astype(np.float32) for t in tensors])
    check_finite(tensors, flat, where=str(path))
    return flat


def check_finite(tensors: Sequence[StoredTensor], flat: np.ndarray, *, where: str) -> None:
    """Raise InputError, naming the tensors, if a weight is infinite or NaN: no range could be stored for it."""
    wrong = [t.name for t in tensors if not np.isfinite(flat[t.start : t.start + t.size]).all()]
    if wrong:
        raise InputError([f"{where}: {name}: has weights that are not finite in float32" for name in wrong])


def extremes(tensors: Sequence[StoredTensor], flat: np.ndarray) -> Mapping[str, dict[str, object]]:
    """Return which tensor holds the lowest and the highest weight: these two set the global range."""
    found = {}
    for name, index in (("lowest", int(flat.argmin())), ("highest", int(flat.argmax()))):
        tensor = next(t.name for t in tensors if t.start <= index < t.start + t.size)
        found[name] = {"tensor": tensor, "value": float(flat[index])}
    return found


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path) -> safe_open:
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error})") from error


def _order(path: Path, file: safe_open) -> list[str]:
    known = list(file.offset_keys())
    remembered = (file.metadata() or {}).get(_ORDER)
    if remembered is None:
        return known
    names = json.loads(remembered)
    if sorted(names) != sorted(known):
        raise InputError(f"{path}: the order it remembers does not name its tensors")
    return names
