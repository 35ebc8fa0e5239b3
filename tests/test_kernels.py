"""The .cu source compiles for every architecture, runs clean under run-time checks, and decodes like numpy."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.kernel_backend import KERNEL_FOLDER, KERNEL_NAMES
from nvmsim.inject.nvrtc import ARCHITECTURES, compile_kernels
from nvmsim.inject.shim import build_shim
from nvmsim.inject.target import LAUNCH_FIELDS

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_kernels_compile_for_every_architecture(architecture):
    binary = compile_kernels(architecture)
    assert binary.startswith(b"\x7fELF")
    assert all(name.encode() in binary for name in KERNEL_NAMES)


def test_a_broken_kernel_is_reported_with_its_line():
    with pytest.raises(InputError, match=r'flips\.cu\(2\): error: identifier "oops" is undefined'):
        compile_kernels(80, 'extern "C" __global__ void f(int *a) {\na[0] = oops;\n}\n')


def test_every_kernel_is_listed_once():
    assert re.findall(r"^KERNEL (\w+)\(", (KERNEL_FOLDER / "flips.cu").read_text(), re.M) == list(KERNEL_NAMES)


def test_the_launch_record_is_the_struct():
    body = re.search(r"struct Launch \{(.*?)\};", (KERNEL_FOLDER / "layout.cuh").read_text(), re.S)[1]
    assert tuple(re.findall(r"\b([a-z]\w*)\b(?=[,;])", body)) == LAUNCH_FIELDS


def test_the_kernel_check_passes(capsys):
    assert runpy.run_path(str(ROOT / "tools" / "check_kernels.py"))["main"]() == 0
    assert capsys.readouterr().out.count("equal to the reference") == 3


def test_a_missing_compiler_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"needs g\+\+"):
        build_shim()


@pytest.mark.parametrize("folder", ["unwritable", None])
def test_the_shim_is_built_where_it_may_be(folder, monkeypatch, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker if folder else tmp_path))
    library = build_shim()
    assert library.exists()
    assert library.is_relative_to(tmp_path) == (folder is None)


def _decoded(words, low, delta, parity):
    index = (words >> parity).astype(np.float64)
    nulled = (np.bitwise_count(words) % 2 == 1) & parity
    return np.where(nulled, 0.0, low + delta * (index + 0.5)).astype(np.float32), nulled


@pytest.mark.parametrize("parity", [False, True])
@pytest.mark.parametrize(("low", "delta"), [(-2.8, 5.6 / 2**16), (-0.37, 1.3e-5), (0.5, 0.0)])
def test_decode_is_numpys(parity, low, delta):
    words = np.arange(2**16, dtype=np.uint16)
    values, nulled = _decoded(words, low, delta, parity)
    got = get_backend("shim").decode_binary(words, low=low, delta=delta, parity=parity)
    assert np.array_equal(got.nulled, nulled)
    assert np.array_equal(got.values.view(np.uint32), values.view(np.uint32))


def test_torch_sees_the_values_without_a_copy():
    decoded = get_backend("shim").decode_binary(np.arange(10, dtype=np.uint16), low=0.0, delta=1.0)
    tensor = torch.from_dlpack(decoded.values)
    tensor[3] = 42.0
    assert decoded.values[3] == 42.0


@pytest.mark.gpu
@pytest.mark.parametrize("parity", [False, True])
def test_decode_on_the_gpu_is_numpys(parity):
    try:
        backend = get_backend("cuda")
    except InputError as error:
        pytest.skip(str(error))
    words = np.arange(2**16, dtype=np.uint16)
    values, nulled = _decoded(words, -0.37, 1.3e-5, parity)
    got = backend.decode_binary(words, low=-0.37, delta=1.3e-5, parity=parity)
    assert np.array_equal(got.nulled.get(), nulled)
    assert np.array_equal(torch.from_dlpack(got.values).cpu().numpy().view(np.uint32), values.view(np.uint32))
