"""The benchmarks run, and what they compare with is right."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from nvmsim.bench import bench_text, benchmarks, run_benchmarks
from nvmsim.bench.baselines import SPARSE, dense_mask
from nvmsim.bench.injection import injection_rows
from nvmsim.bench.rates import FLOAT32_GRID, count_delivers, float32_delivers, rate_rows
from nvmsim.errors import InputError


@pytest.mark.parametrize("sampler", [*SPARSE, dense_mask], ids=lambda s: s.__name__)
@pytest.mark.parametrize("rate", [1e-4, 1e-2])
def test_the_rivals_flip_at_their_rate(sampler, rate):
    rng = np.random.Generator(np.random.SFC64(3))
    image, flips, runs = np.zeros(200_003, np.uint16), 0, 8
    for _ in range(runs):
        sampler(image, rate, rng)
        flips += int(np.bitwise_count(image).sum())
        image[:] = 0
    assert binomtest(flips, runs * image.size * 16, rate).pvalue > 1e-6


def test_float32_random_numbers_lie_on_the_grid():
    drawn = np.random.default_rng(1).random(100_000, dtype=np.float32) * np.float32(FLOAT32_GRID)
    assert np.array_equal(drawn, np.floor(drawn))
    assert float32_delivers(1e-7) == pytest.approx(1.192, abs=1e-3)
    assert count_delivers(1.5e-7, bits=10**7) == pytest.approx(1 / 1.5)


def test_injection_rows():
    rows = injection_rows((20_000,), quick=True, rbers=(1e-6, 1e-2))
    assert [row.case for row in rows] == ["0.02 M words, RBER 1e-06", "0.02 M words, RBER 0.01"]
    assert all(row.figures["ours_us"] > 0 and row.figures["times_dense"] > 0 for row in rows)


def test_rates_meet_their_goal():
    rows = rate_rows(quick=True)
    assert len(rows) == 9
    assert all(row.met for row in rows)


def test_damage_in_a_later_layer_is_measured_faster():
    rows = run_benchmarks(["reuse"], quick=True)
    assert [row.case for row in rows] == [f"errors in {layer}" for layer in ("conv3", "conv4", "fc5", "fc6")]
    assert all(row.figures["times_faster"] > 1.2 for row in rows)


def test_page_reads_extended_take_as_long_as_page_by_page():
    rows = run_benchmarks(["page-reads"], quick=True)
    errors = [row.figures["stated_error"] for row in rows]
    assert errors[:3] == [0, 0, 0] and 0 < errors[3] <= 3e-3
    assert all(row.figures["difference"] < (1e-2 if error else 1e-9) for row, error in zip(rows, errors, strict=True))
    assert all(row.figures["times_faster"] > 3 for row in rows)


def test_text_and_json():
    rows = run_benchmarks(["gpu"], quick=True)
    assert bench_text(rows).startswith("gpu")
    assert json.loads(bench_text(rows, "json"))[0]["benchmark"] == "gpu"
    with pytest.raises(InputError, match=f"must be one of {', '.join(benchmarks)}"):
        run_benchmarks(["speed"])
