"""R(x) of a real network: against brute force, from the store, after an interrupt, on the command line."""

import csv
import io
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ridge_network import ridge_model

import nvmsim
from nvmsim import cli
from nvmsim.accuracy import executor
from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.collect import Interrupted, measure
from nvmsim.accuracy.crossing import crossing
from nvmsim.accuracy.estimate import sample_of
from nvmsim.accuracy.search import REASONS
from nvmsim.accuracy.spread import Spread, draws_of
from nvmsim.accuracy.stats import Interval, t_half_width
from nvmsim.accuracy.store import Store
from nvmsim.errors import InputError
from nvmsim.report.robustness import render_csv, render_curves, render_table, write_robustness
from nvmsim.study.robustness import PAPER_RATES, RobustnessResult, robustness

GRID = (0.0005, 0.001, 0.0015, 0.002)
MODEL = ridge_model()


def ask(store, **options) -> RobustnessResult:
    asked = {"schemes": "nulling,raw", "precision": 1.2, "trials": 160, "grid": GRID, "workers": 1} | options
    return robustness(MODEL, store=store, **asked)


def timeless(result) -> RobustnessResult:
    """Leave out what a clock said."""
    settings = {key: value for key, value in result.settings.items() if key != "workers"}
    return replace(
        result, elapsed_s=0.0, settings=settings, rows=tuple(replace(row, seconds=0.0) for row in result.rows)
    )


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    path = tmp_path_factory.mktemp("usual") / "trials.sqlite"
    return path, ask(path)


def test_r_agrees_with_brute_force_on_other_events(usual, tmp_path):
    """Many full trials at rates about R, seed and rung of their own, and a t-interval: enough where none collapses."""
    nulling = usual[1].rows[0]
    rates = [nulling.rber * step for step in (0.6, 0.8, 1.0, 1.2, 1.5)]
    task_at = partial(bsc_task, MODEL, "binary:16+parity-nulling", rung_rber=0.005, seed=99)
    tasks = {rate: task_at(rber=rate) for rate in rates}
    plans = [(tasks[rates[0]].baseline, Plan(1, 4)), *((task, Plan(64, 4)) for task in tasks.values())]
    points = []
    with Store(tmp_path / "brute.sqlite") as store:
        measure(plans, store=store, sources={"ridge": MODEL}, workers=1)
        baseline = store.rows(plans[0][0].id)
        for rate, task in tasks.items():
            values = sample_of(store.rows(task.id), baseline, plan=Plan(64, 4)).accuracies
            half = float(t_half_width(values))
            points.append((rate, Interval(float(values.mean()), values.mean() - half, values.mean() + half)))
    brute = crossing(points, target=usual[1].target_accuracy)
    assert brute.relation == "="
    assert brute.relative_width < 0.6
    assert nulling.low <= brute.rate <= nulling.high
    assert brute.low <= nulling.rber <= brute.high


def test_a_row_says_what_it_rests_on(usual):
    _, result = usual
    assert [row.scheme for row in result.rows] == ["nulling", "raw"]
    assert result.target_accuracy == pytest.approx(0.95 * result.float32_accuracy)
    for row in result.rows:
        assert row.relation == "=" and row.low <= row.rber <= row.high
        assert row.reason == "precision" and (row.high - row.low) / row.rber <= 1.2
        assert row.grid_rber == max((rate for rate in GRID if rate <= row.rber), default=None)
        final = [point for point in row.curve if point.trials == row.trials]
        assert len(final) >= 2
        assert row.images == 500 * sum_of_trials(row, result)
        assert row.flat_images == 40 * 2000 * len(GRID)
        assert row.factor == row.flat_images / row.images
    assert result.rows[0].rber > 5 * result.rows[1].rber


def sum_of_trials(row, result) -> int:
    """Blocks of a row: at least those of its curve; the search may have had a rate's trials under two rungs."""
    known = sum(point.trials for point in row.curve) + result.test_images // 500
    blocks = row.images // 500
    assert known <= blocks <= known + 8 * len(row.curve)
    return blocks


def test_a_second_call_answers_from_the_store_to_the_same_bytes(usual, monkeypatch, tmp_path):
    path, result = usual
    monkeypatch.setattr("nvmsim.accuracy.collect.make_executor", lambda *_, **__: pytest.fail("the store knew it all"))
    again = ask(path)
    assert replace(again, elapsed_s=0.0) == replace(result, elapsed_s=0.0)
    folders = [
        write_robustness(replace(one, elapsed_s=0.0), tmp_path / name).parent
        for one, name in ((result, "a"), (again, "b"))
    ]
    for first, second in zip(*(sorted(folder.iterdir()) for folder in folders), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_schemes_asked_for_alone_get_the_same_answer(usual, tmp_path):
    alone = ask(tmp_path / "alone.sqlite", schemes=["nulling"])
    assert timeless(alone).rows == timeless(usual[1]).rows[:1]


def test_two_workers_find_exactly_what_one_does(usual, tmp_path):
    found = ask(tmp_path / "two.sqlite", workers=2, schemes="nulling")
    assert timeless(found).rows == timeless(usual[1]).rows[:1]


def test_an_interrupted_search_goes_on_to_the_same_answer(usual, tmp_path, monkeypatch):
    path, run, done = tmp_path / "trials.sqlite", executor.InProcess.run, []

    def interrupted(self, works):
        for one in run(self, works):
            yield one
            done.append(one)
            if len(done) % 100 == 99:
                raise KeyboardInterrupt

    monkeypatch.setattr(executor.InProcess, "run", interrupted)
    interrupts = 0
    while interrupts < 20:
        try:
            result = ask(path, schemes="nulling")
            break
        except Interrupted as error:
            assert "run again to go on" in str(error)
            interrupts += 1
    assert interrupts >= 2
    assert timeless(result).rows == timeless(usual[1]).rows[:1]


def test_what_other_calls_have_measured_beyond_it_changes_no_answer(usual, tmp_path):
    path = tmp_path / "trials.sqlite"
    ask(path, precision=0.8, trials=192, schemes="nulling")
    assert timeless(ask(path, schemes="nulling")).rows == timeless(usual[1]).rows[:1]


def test_a_spent_time_limit_stays_spent_and_gives_a_first_answer(tmp_path, monkeypatch):
    path = tmp_path / "trials.sqlite"
    first = ask(path, time_limit_s=1e-6)
    assert {(row.reason, row.trials) for row in first.rows} == {("time", 16)}
    monkeypatch.setattr("nvmsim.accuracy.collect.make_executor", lambda *_, **__: pytest.fail("no time was left"))
    assert replace(ask(path, time_limit_s=1e-6), elapsed_s=0.0) == replace(first, elapsed_s=0.0)


def test_errors_in_one_layer_alone_are_survived_longer(usual, tmp_path):
    one = ask(tmp_path / "trials.sqlite", schemes="raw", layers=["3"], trials=72)
    assert one.layers == ("3",)
    assert one.rows[0].rber > usual[1].rows[1].rber


def test_every_trial_is_measured_against_the_baseline_on_its_own_block(usual):
    path, result = usual
    with Store(path) as store:
        texts = {task: json.loads(store.rows(task).facts.text) for task in store.task_ids()}
        baseline = store.rows(next(task for task, text in texts.items() if text["encoding"] == "float32"))
        rate = next(point for point in result.rows[0].curve if point.trials == result.rows[0].trials).rber
        found = [
            task
            for task, text in texts.items()
            if text.get("rates") == [[rate, rate]] and "nulling" in text["encoding"]
        ]
        rows = store.rows(found[-1])
    trials = min(40, len(rows.trials))
    draws = draws_of(rows, baseline, Spread(trials, 4)).accuracies
    whole = sum(baseline.blocks[0, block].correct for block in range(4)) / 2000
    for trial in range(trials):
        block = trial % 4
        right = rows.blocks[trial, block].correct / baseline.blocks[0, block].correct
        assert draws[trial] == pytest.approx(min(whole * right, 1.0))


def test_every_mistake_is_named_at_once(tmp_path):
    wrong = {"x": 1.0, "schemes": "blue,ecc", "layers": ["lstm"], "grid": [0.0], "precision": 0.0, "trials": 1,
             "time_limit_s": -1.0, "seed": -1, "workers": 0, "range_scope": "row"}  # fmt: skip
    with pytest.raises(InputError) as caught:
        ask(tmp_path / "trials.sqlite", **wrong)
    text = str(caught.value)
    for part in ("--x: 1.0", "'blue'", "'lstm'", "--grid: 0.0", "--precision: 0.0", "--trials: 1", "--time-limit: -1.0",
                 "--seed: -1", "--workers: 0", "--range-scope: 'row'"):  # fmt: skip
        assert part in text
    with pytest.raises(InputError, match="leave it out"):
        ask(tmp_path / "trials.sqlite", schemes="ecc,raw")
    assert not (tmp_path / "trials.sqlite").exists()


def test_the_table_says_the_answer_and_what_remains_open(usual):
    _, result = usual
    text = render_table(result, 150, report="out/robustness.svg")
    nulling, raw = result.rows
    assert f"accuracy up to a bit error rate of {nulling.rber:.3g} as nulling, {raw.rber:.3g} as raw." in text
    assert f"[{raw.low:.3g}, {raw.high:.3g}]" in text
    assert f"{raw.images:,}" in text and f"{raw.flat_images:,}" in text and "out/robustness.svg" in text
    assert REASONS["precision"] in text
    odd = replace(result, rows=(replace(nulling, trials=40, low=None, relative_width=math.inf, reason="trials",
                                        others=(0.0123,)), replace(raw, relation=">", rber=0.3)))  # fmt: skip
    text = render_table(odd, 100)
    for part in (
        "> 0.3",
        "[open,",
        "nulling: open below, because fewer than 72 trials",
        "crosses the target again at 0.0123",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_files_hold_the_curve_and_the_same_bytes_each_time(usual, tmp_path):
    _, result = usual
    picture = write_robustness(result, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"robustness.{e}" for e in ("svg", "png", "csv", "json")}
    points = list(csv.DictReader(io.StringIO((tmp_path / "robustness.csv").read_text())))
    assert [float(point["rber"]) for point in points if point["scheme"] == "raw"] == [
        p.rber for p in result.rows[1].curve
    ]
    assert (tmp_path / "robustness.csv").read_text() == render_curves(result)
    assert json.loads((tmp_path / "robustness.json").read_text())["rows"][0]["rber"] == result.rows[0].rber
    svg = picture.read_text()
    assert "bit error rate of" in svg and f"R = {result.rows[0].rber:.3g}" in svg
    rows = list(csv.DictReader(io.StringIO(render_csv(result))))
    assert [float(row["low"]) for row in rows] == [row.low for row in result.rows]


@pytest.mark.parametrize("relation", ["<", ">"])
def test_a_figure_without_a_crossing_is_drawn(usual, tmp_path, relation):
    edge = {"relation": relation, "low": None, "high": None, "relative_width": None}
    rows = tuple(replace(row, rber=1e-9 if relation == "<" else 0.3, **edge) for row in usual[1].rows)
    assert write_robustness(replace(usual[1], rows=rows), tmp_path).exists()


def test_the_papers_grids_are_those_of_its_tables():
    assert [len(PAPER_RATES[name]) for name in ("mnist", "cifar-10", "imdb")] == [14, 4, 17]
    assert [(rates[0], rates[-1]) for rates in PAPER_RATES.values()] == [(0.001, 0.014), (1e-5, 4e-5), (0.001, 0.017)]


def test_the_command_writes_its_folder_and_prints_json_and_csv(tmp_path, capsys):
    short = ["robustness", "mnist-cnn", "--schemes", "raw", "--trials", "4", "--time-limit", "0.01", "--workers", "1"]
    short += ["--out", str(tmp_path / "out")]
    assert cli.main([*short, "--format", "json", "--grid", "0.001,0.01"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["rows"][0]["images"] < printed["rows"][0]["flat_images"] == 40 * 10_000 * 2
    assert 0.004 < printed["rows"][0]["rber"] < 0.04
    assert {path.suffix for path in (tmp_path / "out").iterdir()} >= {".svg", ".png", ".csv", ".json", ".sqlite"}
    assert cli.main([*short, "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert float(row["rber"]) == printed["rows"][0]["rber"]
    assert int(row["flat_images"]) == 40 * 10_000 * 14
    assert cli.main([*short]) == 0
    assert "R(0.95)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--x", "1.5"], "--x: 1.5"),
        (["--grid", "a,0.1"], "--grid: 'a'"),
        (["--schemes", "blue"], "blue"),
        (["--layers", "conv9"], "did you mean conv"),
        (["--precision", "nan"], "--precision"),
    ],
)
def test_bad_options_get_one_clear_answer(options, said, tmp_path, capsys):
    assert cli.main(["robustness", "mnist-cnn", *options, "--out", str(tmp_path / "out")]) == 2
    streams = capsys.readouterr()
    assert streams.out == "" and said in streams.err
    assert not Path(tmp_path / "out").exists()


def test_it_is_called_from_python():
    assert nvmsim.robustness is robustness
    assert np.isfinite(nvmsim.robustness.__kwdefaults__["precision"])
