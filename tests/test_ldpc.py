"""The LDPC decoder of tools/ldpc against its matrix and by brute force; the codes that cite its tables."""

import numpy as np
import pytest
import yaml
from scipy import stats

from nvmsim.device.ecc import make_ecc
from nvmsim.device.ldpc_table import LEAST_COUNT, Points, load_points, table_names
from nvmsim.device.parts import EccSpec
from nvmsim.device.profile import load_device
from nvmsim.errors import InputError
from tools.ldpc import iterations, waterfall
from tools.ldpc.channel import HARD, soft_levels
from tools.ldpc.code import qc_code
from tools.ldpc.decoder import count_failures, decode, read_frame

CODE = qc_code(3, 12, 32, seed=1)


def min_sum(matrix, read, iterations):
    """Layered normalised min-sum, one check and one edge at a time, in plain Python."""
    belief, said = read.copy(), np.zeros(matrix.shape, np.float32)
    for done in range(iterations + 1):
        bits = np.where(belief == 0, read < 0, belief < 0)
        if not (matrix @ bits % 2).any() or done == iterations:
            return bits
        for first in range(0, len(matrix), CODE.circulant):
            for check in range(first, first + CODE.circulant):
                edges = np.flatnonzero(matrix[check])
                heard = belief[edges] - said[check, edges]
                for nth, edge in enumerate(edges):
                    others = np.delete(heard, nth)
                    said[check, edge] = 0.75 * np.abs(others).min() * (-1) ** np.count_nonzero(others < 0)
                belief[edges] = heard + said[check, edges]
    return None


@pytest.mark.parametrize("levels", [HARD, soft_levels(0.02)], ids=["hard", "soft"])
def test_the_decoder_is_min_sum_on_the_matrix(levels):
    matrix, rng = CODE.matrix(), np.random.default_rng(3)
    values, wrong, state = np.empty(384, np.float32), np.empty(384, np.bool_), np.array([5], np.uint64)
    seen = set()
    for errors in rng.integers(4, 28, 10):
        read_frame(values, wrong, int(errors), state, levels)
        bits, fits, _ = decode(values, CODE.shifts, 32, 6)
        np.testing.assert_array_equal(bits, min_sum(matrix, values, 6))
        assert fits == (not (matrix @ bits % 2).any())
        seen.add(bool(bits.any()))
    assert seen == {True, False}


def test_a_frame_of_zeros_stands_for_every_codeword():
    """Flip the signs of a read frame by a codeword: the decoded bits flip likewise."""
    matrix, rng = CODE.matrix().astype(np.int64), np.random.default_rng(4)
    codeword = null_vector(matrix, rng)
    assert codeword.any() and not (matrix @ codeword % 2).any()
    values, wrong, state = np.empty(384, np.float32), np.empty(384, np.bool_), np.array([7], np.uint64)
    for errors in range(1, 16):
        read_frame(values, wrong, errors, state, HARD)
        plain = decode(values, CODE.shifts, 32, 20)[0]
        turned = decode(np.where(codeword, -values, values).astype(np.float32), CODE.shifts, 32, 20)[0]
        np.testing.assert_array_equal(plain ^ codeword.astype(bool), turned)


def null_vector(matrix, rng):
    """A random codeword, by elimination of the dense matrix."""
    rows, pivots = matrix.copy(), []
    for column in range(rows.shape[1]):
        at = len(pivots)
        ones = np.flatnonzero(rows[at:, column]) + at
        if ones.size:
            rows[[at, ones[0]]] = rows[[ones[0], at]]
            others = np.setdiff1d(np.flatnonzero(rows[:, column]), at)
            rows[others] ^= rows[at]
            pivots.append(column)
        if len(pivots) == len(rows):
            break
    assert rows.shape[1] - len(pivots) == CODE.data_bits
    word = rng.integers(0, 2, rows.shape[1])
    word[pivots] = 0
    word[pivots] = rows[: len(pivots)] @ word % 2
    return word


def test_a_code_has_no_short_cycles_and_comes_from_its_seed():
    matrix = CODE.matrix().astype(np.int64)
    shared = matrix.T @ matrix
    assert (np.diag(shared) == 3).all() and (shared - np.diag(np.diag(shared))).max() == 1
    np.testing.assert_array_equal(qc_code(3, 12, 32, seed=1).shifts, CODE.shifts)
    assert (qc_code(3, 12, 32, seed=2).shifts != CODE.shifts).any()
    with pytest.raises(ValueError, match="without short cycles"):
        qc_code(3, 12, 8, seed=1)


def test_a_frame_has_exactly_so_many_wrong_bits_anywhere():
    values, wrong, state = np.empty(384, np.float32), np.empty(384, np.bool_), np.array([9], np.uint64)
    levels, hits, strong, weak_right = soft_levels(0.03), np.zeros(384), 0, 0
    _, weak, wrong_weak, right_weak = levels.astype(float)
    for _ in range(4000):
        read_frame(values, wrong, 12, state, levels)
        assert wrong.sum() == 12 and ((values < 0) == wrong).all()
        hits += wrong
        strong += np.count_nonzero(np.abs(values[wrong]) > weak)
        weak_right += np.count_nonzero(np.abs(values[~wrong]) == weak)
    assert stats.chisquare(hits).pvalue > 1e-6
    assert stats.binomtest(strong, 48_000, 1 - wrong_weak).pvalue > 1e-6
    assert stats.binomtest(weak_right, 4000 * 372, right_weak).pvalue > 1e-6
    assert stats.binomtest(weak_right, 4000 * 372, 1.02 * right_weak).pvalue < 1e-6


def test_soft_levels_are_those_of_gaussian_noise():
    strong, weak, weak_wrong, weak_right = soft_levels(0.01).astype(float)
    wrong_weak, right_weak = 0.01 * weak_wrong, 0.99 * weak_right
    assert weak == pytest.approx(np.log(right_weak / wrong_weak), rel=1e-5)
    assert strong == pytest.approx(np.log((0.99 - right_weak) / (0.01 - wrong_weak)), rel=1e-5)
    mean = stats.norm.isf(0.01)
    width = stats.norm.isf(0.01 - wrong_weak) - mean  # the weak region is as wide on both sides
    assert stats.norm.cdf(mean) - stats.norm.cdf(mean - width) == pytest.approx(right_weak, rel=1e-4)
    assert 0.5 < width < 1.5


def test_measuring_goes_on_where_it_stopped(tmp_path):
    run = ["qc-36-12", "--folder", str(tmp_path), "--errors", "8", "10"]
    waterfall.main([*run, "--frames", "300"])
    part = yaml.safe_load((tmp_path / "qc-36-12.yaml").read_text())
    waterfall.main([*run, "--frames", "700"])
    whole = yaml.safe_load((tmp_path / "qc-36-12.yaml").read_text())
    assert [row["frames"] for row in part["hard"]] == [300, 300]
    for row in whole["hard"]:
        span = np.array([0, row["frames"]])
        failed, unseen, _ = count_failures(CODE.shifts, 32, row["errors"], span, HARD, waterfall.ITERATIONS, 1)
        assert (row["failures"], row["undetected"]) == (failed, unseen)
        assert row["low"] < row["failures"] / row["frames"] < row["high"]
    assert part["code"]["data_bits"] == CODE.data_bits and part["code"]["shifts"] == CODE.shifts.tolist()


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_iterations_are_those_of_every_frame_decoded_alone(kind):
    errors, frames = 9, 60
    levels = HARD if kind == "hard" else soft_levels(errors / CODE.bits)
    found = iterations.mean_iterations(CODE, errors, kind=kind, frames=frames, seed=1)
    alone = []
    for frame in range(frames):
        span = np.array([frame, frame + 1])
        alone.append(count_failures(CODE.shifts, 32, errors, span, levels, waterfall.ITERATIONS, 1)[2])
    assert found.tolist() == np.reshape(alone, (iterations.BATCHES, -1)).mean(axis=1).tolist()
    assert len(set(alone)) > 2 and min(alone) >= 1


def test_growth_is_the_slope_and_its_interval_holds_it():
    """Noise of a known size: of many intervals 95 % hold the true slope, an estimate 2 % off is far outside."""
    errors, rng, held = np.array([8, 16, 32, 64]), np.random.default_rng(2), 0
    for _ in range(2000):
        work = 1 + 0.05 * errors[:, None] + rng.normal(0, 0.05, (4, iterations.BATCHES))
        g, low, high = iterations.growth(errors, work)
        held += low <= 0.05 <= high
        assert abs(g / 0.05 - 1) < 0.02
    assert stats.binomtest(held, 2000, 0.95).pvalue > 1e-6


def test_the_tool_prints_what_a_profile_cites(capsys):
    iterations.main(["qc-36-12", "--frames", "40", "--errors", "4", "8"])
    *_, last = capsys.readouterr().out.splitlines()
    means = np.array([iterations.mean_iterations(CODE, n, kind="hard", frames=40, seed=1) for n in (4, 8)])
    g, low, high = iterations.growth([4, 8], means)
    assert last == f"g = {g:.4f} [{low:.4f}, {high:.4f}]"
    assert iterations.usual_errors("qc-1024-128", "hard") == [8, 17, 26, 34, 42, 51, 60, 68]
    for wrong in (["--errors", "0"], ["--errors", "385"], ["--frames", "19"]):
        with pytest.raises(SystemExit):
            iterations.main(["qc-36-12", *wrong])


def table_spec(name="qc-1024-128", kind=None, data=1024, parity=128):
    return EccSpec("ldpc-table", data, parity, None, None, None, 1e-15, 1, 8.0, 2.0, table=name, input=kind)


@pytest.mark.parametrize("name", table_names())
def test_a_shipped_table_is_that_of_its_code_and_seed(name):
    table = yaml.safe_load((waterfall.TABLES / f"{name}.yaml").read_text())
    code, facts = waterfall.describe(name)
    assert table["code"] == facts
    for kind in ("hard", "soft"):
        rows = table[kind]
        assert len(rows) >= 5
        # The first frames of the point with most failures, decoded again.
        worst = max(rows, key=lambda row: row["failures"] / row["frames"])
        again = dict(worst, frames=0, failures=0, undetected=0)
        waterfall.measure(code, again, kind=kind, frames=min(200, worst["frames"]), seed=facts["seed"])
        assert again["failures"] <= worst["failures"]
        if worst["frames"] <= 200:
            assert again == worst


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_failure_is_what_was_measured(kind):
    ecc = make_ecc(table_spec(kind=kind))
    counts = [c for c in load_points("qc-1024-128", kind)[0].counts if min(c[2], c[1] - c[2]) >= LEAST_COUNT]
    assert len(counts) >= 4
    for errors, frames, failures in counts:
        assert ecc.failure(errors) == pytest.approx(failures / frames, rel=1e-9)
    every = ecc.failure(np.arange(9217))
    assert every[0] == 0 and (np.diff(every) >= 0).all() and every[-1] == 1
    between = (counts[0][0] + counts[1][0]) // 2
    assert ecc.failure(counts[0][0]) < ecc.failure(between) < ecc.failure(counts[1][0])


def test_soft_input_stands_more_than_hard_and_none_means_hard():
    hard, soft, plain = (make_ecc(table_spec(kind=kind)) for kind in ("hard", "soft", None))
    assert plain.failure(90) == hard.failure(90) > 100 * soft.failure(90)
    assert plain.decoder == hard.decoder != soft.decoder


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: make_ecc(table_spec("qc-1024")), "ecc.table: 'qc-1024': .*qc-1024-128"),
        (lambda: make_ecc(table_spec(parity=127)), "ecc.table: 'qc-1024-128': holds codewords of 9216 bits"),
        (lambda: make_ecc(table_spec(kind="analog")), "ecc.input: 'analog': table qc-1024-128 has no such points"),
        (lambda: Points(384, ((6, 100, 20), (8, 100, 5))), "ecc.table: fewer than two points"),
        (lambda: load_device("tlc", ["ecc.code=ldpc-table"]), "ecc.table: missing"),
        (lambda: load_device("tlc", ["ecc.code=ldpc-table", "ecc.table=x", "ecc.input=firm"]), "must be hard or soft"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(make, problem):
    with pytest.raises(InputError, match=problem):
        make()


def test_a_profile_cites_a_table():
    device = load_device("tlc@decoder", ["ecc.input=soft"])
    assert (device.ecc.table, device.ecc.input, device.ecc.limit_rber) == ("qc-1024-128", "soft", None)
    ecc = make_ecc(device.ecc)
    errors = np.arange(9217)
    mean = stats.binom.pmf(errors, 9216, 0.017) @ ecc.failure(errors)
    assert ecc.uber(0.017) == pytest.approx(mean / 8192, rel=1e-9)
    assert load_device("tlc").ecc.table is None and load_device("tlc").ecc.input is None
