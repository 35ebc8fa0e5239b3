"""Collecting: the same numbers whoever works, nothing done twice, and a clean way out of whatever happens."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ridge_network import BCH, ridge_model, ridge_task

from nvmsim import plugins
from nvmsim.accuracy import executor, progress
from nvmsim.accuracy.collect import Interrupted, collect, collected
from nvmsim.accuracy.export import trial_blocks
from nvmsim.accuracy.stats import TASK, paired_difference
from nvmsim.accuracy.store import Store
from nvmsim.encoding.binary import Binary
from nvmsim.errors import InputError
from nvmsim.inject.backend import image_order
from nvmsim.zoo.model import Model
from nvmsim.zoo.network import Network

HERE = Path(__file__).parent
SOURCES = {"ridge": ridge_model()}
TASKS = [
    ridge_task(rber=3e-3),
    ridge_task("hamming:16+parity-nulling", rber=3e-3),
    ridge_task("fp16+range-check", rber=3e-3, mode="reclaim", range_scope="layer"),
    ridge_task(rber=3e-3, mode="ecc", ecc=BCH),
    ridge_task(rber=1e-4, mode="ecc", ecc=BCH),
    ridge_task(rber=0.0),
]


def gather(path, tasks=TASKS, **options):
    with Store(path) as store:
        found = collect(tasks, store=store, sources=SOURCES, **{"workers": 1, "trials": 16} | options)
        return found, trial_blocks(store, list(found.values()))


def without_seconds(estimates):
    return [(e.task_id, e.mean, e.low, e.high, e.reason, e.accuracies, e.counts, e.images) for e in estimates.values()]


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    path = tmp_path_factory.mktemp("usual") / "trials.sqlite"
    return path, *gather(path)


def no_executor(*_, **__):
    pytest.fail("the store knew it all")


def test_two_workers_measure_exactly_what_one_does(usual, tmp_path):
    _, estimates, rows = usual
    found, same_rows = gather(tmp_path / "two.sqlite", workers=2)
    assert without_seconds(found) == without_seconds(estimates)
    assert same_rows == rows
    assert not multiprocessing.active_children()


def test_a_second_call_answers_from_the_store(usual, monkeypatch):
    path, estimates, rows = usual
    monkeypatch.setattr("nvmsim.accuracy.collect.make_executor", no_executor)
    found, same_rows = gather(path)
    assert found.keys() == estimates.keys()
    assert without_seconds(found) == without_seconds(estimates)
    assert same_rows == rows


def test_estimates_say_what_they_rest_on(usual):
    raw, nulling, _, ecc, safe, quiet = usual[1].values()
    assert [e.reason for e in (raw, ecc, safe, quiet)] == ["trials", "trials", "bound", "exact"]
    assert raw.raw_rber == pytest.approx(3e-3, rel=0.05)
    assert raw.residual_rber == pytest.approx(3e-3, rel=0.05)
    assert ecc.residual_rber < ecc.raw_rber / 100
    assert safe.failed_codewords == 0 < ecc.failed_codewords
    assert nulling.nulled_weights > 1000
    assert safe.half_width < 1e-6
    assert quiet.half_width == 0
    assert quiet.drop.mean == pytest.approx(quiet.baseline_accuracy - quiet.mean)
    assert paired_difference(nulling.sample, raw.sample).mean > 0.1


def test_the_mean_is_the_baseline_times_the_ratio_on_the_images_seen(usual):
    _, estimates, rows = usual
    estimate = estimates[TASKS[0].id]
    network, order = Network(SOURCES["ridge"]), image_order(3, 2000)
    clean = [network.correct(block, order) for block in range(4)]
    assert estimate.baseline_accuracy == sum(clean) / 2000
    mine = [row for row in rows if row.task_id == estimate.task_id]
    blocks = {row.block for row in mine}
    counted = np.mean([sum(r.correct for r in mine if r.trial == trial) for trial in range(estimate.trials)])
    ratio = counted / sum(clean[block] for block in blocks)
    assert estimate.mean == pytest.approx(estimate.baseline_accuracy * ratio)


def test_a_wider_call_measures_only_what_is_new(tmp_path, monkeypatch):
    path = tmp_path / "trials.sqlite"
    gather(path, TASKS[:1], trials=8)
    done = []
    run = executor.InProcess.run

    def watched(self, works):
        done.extend(works)
        return run(self, works)

    monkeypatch.setattr(executor.InProcess, "run", watched)
    wide, rows = gather(path, TASKS[:1], trials=16)
    assert {work.trial for work in done} == set(range(8, 16))
    fresh, same_rows = gather(tmp_path / "fresh.sqlite", TASKS[:1], trials=16)
    assert without_seconds(wide) == without_seconds(fresh)
    assert rows == same_rows
    monkeypatch.setattr("nvmsim.accuracy.collect.make_executor", no_executor)
    narrow, _ = gather(path, TASKS[:1], trials=8)  # what is known beyond the call does not change its answer
    assert narrow[TASKS[0].id].trials == 8


def test_a_spent_time_limit_stays_spent_and_a_larger_one_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "trials.sqlite"
    tasks = TASKS[:3]
    short, _ = gather(path, tasks, time_limit_s=1e-6)
    assert {(e.reason, e.trials) for e in short.values()} == {("time", 8)}
    with monkeypatch.context() as patch:
        patch.setattr("nvmsim.accuracy.collect.make_executor", no_executor)
        assert without_seconds(gather(path, tasks, time_limit_s=1e-6)[0]) == without_seconds(short)
    longer, _ = gather(path, tasks, time_limit_s=1000.0)
    assert {(e.reason, e.trials) for e in longer.values()} == {("trials", 16)}


def test_precision_stops_before_the_cap(tmp_path):
    found, _ = gather(tmp_path / "trials.sqlite", TASKS[1:2], precision=0.2, trials=256)
    (estimate,) = found.values()
    assert estimate.reason == "precision"
    assert estimate.half_width <= 0.2
    assert estimate.trials < 256


def test_the_target_may_be_the_task_that_the_test_set_was_drawn_from(usual):
    found, _ = gather(usual[0], TASKS[-1:], target=TASK)
    (estimate,) = found.values()
    binomial = 1.96 * np.sqrt(estimate.mean * (1 - estimate.mean) / 2000)
    assert estimate.half_width > binomial


def test_a_task_may_be_its_own_baseline(tmp_path):
    baseline = TASKS[0].baseline
    found, _ = gather(tmp_path / "trials.sqlite", [baseline])
    assert found[baseline.id].mean == found[baseline.id].baseline_accuracy == found[baseline.id].low


def test_bad_options_are_all_named(tmp_path):
    bad = {"trials": 0, "precision": 2.0, "time_limit_s": -1.0, "workers": 0, "target": "the world"}
    with pytest.raises(InputError) as caught:
        gather(tmp_path / "trials.sqlite", [replace(TASKS[0], model="other")], **bad)
    text = str(caught.value)
    for part in ("trials: 0", "precision: 2.0", "time limit: -1.0", "workers: 0", "the world", "'other'"):
        assert part in text


def test_what_cannot_be_sent_runs_in_this_process(tmp_path):
    class Local(torch.nn.Flatten):
        """No other process can import this class."""

    model = ridge_model()
    module = torch.nn.Sequential(Local(), *list(model.module)[1:])
    local = Model("ridge", module, model.images, model.labels)
    task = replace(TASKS[0], weights_sha256=local.weights_sha256)
    with Store(tmp_path / "trials.sqlite") as store:
        found = collect([task], store=store, sources={"ridge": local}, workers=2, trials=8)
    usual, _ = gather(tmp_path / "usual.sqlite", TASKS[:1], trials=8)
    assert found[task.id].accuracies == usual[TASKS[0].id].accuracies


class Shifted(Binary):
    """A plug-in registered from Python, which workers must know."""

    name = "shifted"


def test_workers_know_what_was_registered_from_python(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_registered", {})
    plugins.register("encoding", "shifted", Shifted)
    found, _ = gather(tmp_path / "trials.sqlite", [ridge_task("shifted:16", rber=3e-3)], workers=2, trials=8)
    (estimate,) = found.values()
    usual, _ = gather(tmp_path / "usual.sqlite", TASKS[:1], trials=8)
    assert estimate.accuracies == usual[TASKS[0].id].accuracies


def test_a_killed_worker_costs_only_its_work_in_flight(usual, tmp_path, monkeypatch):
    landed = executor.Processes._landed
    victims = []

    def kill_one_once(flying):
        if not victims:
            victims.append(multiprocessing.active_children()[0])
            os.kill(victims[0].pid, signal.SIGKILL)
        return landed(flying)

    monkeypatch.setattr(executor.Processes, "_landed", staticmethod(kill_one_once))
    found, rows = gather(tmp_path / "trials.sqlite", workers=2)
    assert victims
    assert without_seconds(found) == without_seconds(usual[1])
    assert rows == usual[2]


def test_workers_that_die_again_and_again_end_the_call_with_advice(tmp_path, monkeypatch):
    landed = executor.Processes._landed

    def kill_one(flying):
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        time.sleep(0.2)
        return landed(flying)

    monkeypatch.setattr(executor.Processes, "_landed", staticmethod(kill_one))
    with pytest.raises(InputError, match="run again to go on, with fewer workers"):
        gather(tmp_path / "trials.sqlite", workers=2)


def test_ctrl_c_keeps_what_was_done_and_says_how_to_go_on(usual, tmp_path, monkeypatch):
    path, run, blocks = tmp_path / "trials.sqlite", executor.InProcess.run, []

    def interrupted(self, works):
        for done in run(self, works):
            yield done
            blocks.extend(done.blocks if done else ())
            if len(blocks) > 20:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(executor.InProcess, "run", interrupted)
        with pytest.raises(Interrupted, match=r"trials\.sqlite: run again to go on"):
            gather(path)
    with Store(path) as store:
        kept = sum(len(store.rows(task).blocks) for task in store.task_ids())
    assert kept == len(blocks) == 21
    found, rows = gather(path)
    assert without_seconds(found) == without_seconds(usual[1])
    assert rows == usual[2]


def test_ctrl_c_between_two_rounds_says_how_to_go_on_too(tmp_path):
    def settled(estimates):
        signal.raise_signal(signal.SIGINT)
        return estimates

    path = tmp_path / "trials.sqlite"
    with pytest.raises(Interrupted, match=r"trials\.sqlite: run again to go on"):
        gather(path, TASKS[:2], settled=settled)
    with Store(path) as store:
        assert [estimate.trials for estimate in collected(TASKS[:2], store=store).values()] == [8, 8]


def test_whole_baselines_come_first_so_that_a_row_is_known_from_its_own_first_look_on(tmp_path, monkeypatch):
    path, run, done = tmp_path / "trials.sqlite", executor.InProcess.run, []

    def interrupted(self, works):
        for trial in run(self, works):
            yield trial
            done.extend((trial.facts.id, trial.trial, block) for block in trial.blocks)
            if len(done) == 4 + 8 + 3:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(executor.InProcess, "run", interrupted)
        with pytest.raises(Interrupted):
            gather(path, TASKS[:3])
    assert done[:4] == [(TASKS[0].baseline.id, 0, block) for block in range(4)]
    with Store(path) as store:
        known = collected(TASKS[:3], store=store, trials=16)
    assert {key: (e.trials, e.reason) for key, e in known.items()} == {TASKS[0].id: (8, "open")}


def test_the_bar_is_called_first_look_up_to_its_end_then_accuracy(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "FILE_S", 0.0)  # every step is a line
    gather(tmp_path / "trials.sqlite", TASKS[:2], progress=True)
    lines = re.findall(r"([a-z ]+): +\d+%\|.*?\| (\d+)/(\d+) ", capsys.readouterr().err)
    steps = list(dict.fromkeys((name, int(at), int(of)) for name, at, of in lines))
    first = [(at, of) for name, at, of in steps if name == "first look"]
    assert steps[: len(first)] == [("first look", *step) for step in first]
    # Of the test set one block is known to be wanted, and once that is measured its other three.
    assert {of for at, of in first if at > 1} == {4 + 2 * 8}
    assert first[0] == (0, 1 + 2 * 8)
    after = steps[len(first) :]
    assert {name for name, *_ in after} == {"accuracy"} and after[0][1] == 4 + 2 * 8
    assert {of for *_, of in after} == {4 + 2 * 16}


def script(body, *, cwd=HERE, **options):
    command = [sys.executable, "-c", textwrap.dedent(body)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, timeout=120, **options)


def test_answering_from_the_store_imports_no_torch(tmp_path):
    body = f"""
        import sys
        from nvmsim.accuracy.collect import collect
        from nvmsim.accuracy.store import Store
        from nvmsim.accuracy.task import Task
        from nvmsim.device.layout import PageLayout
        from nvmsim.zoo.card import load_card

        card = load_card("mnist-cnn")
        layout = PageLayout(mode="bypass", user_bytes=16384, spare_bytes=2208, metadata_bytes=0, channels=8,
                            dies_per_channel=4, planes_per_die=4, page_types=1, scrambler=True)
        task = Task(card.name, card.weights_sha256, card.data_sha256, "binary:16", "global", ((1e-3, 1e-3),), 1e-3, layout)
        with Store({str(tmp_path / "trials.sqlite")!r}) as store:
            found = collect([task], store=store, sources={{card.name: card}}, time_limit_s=1e-6, workers=1)[task.id]
        print(found.trials, found.baseline_accuracy, found.accuracies, "torch" in sys.modules, "numba" in sys.modules)
    """  # noqa: E501
    first, second = script(body).stdout.split(), script(body).stdout.split()
    assert float(first[1]) > 0.99
    assert first[:-2] == second[:-2]
    assert (first[-2:], second[-2:]) == (["True", "True"], ["False", "False"])


def test_a_script_without_a_main_guard_still_gets_its_answer(tmp_path):
    file = tmp_path / "study.py"
    file.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(HERE)!r})
        from ridge_network import ridge_model, ridge_task
        from nvmsim.accuracy.collect import collect
        from nvmsim.accuracy.store import Store
        with Store({str(tmp_path / "trials.sqlite")!r}) as store:
            found = collect([ridge_task()], store=store, sources={{"ridge": ridge_model()}}, workers=2, trials=8)
        print("trials", *[estimate.trials for estimate in found.values()])
        """)
    )
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "trials 8\n"
    assert "`if __name__ == '__main__':`" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_no_process_can_start_this_one_does_the_work(usual, tmp_path, monkeypatch, capsys):
    def refused(*_):
        raise PermissionError("no semaphores here")

    monkeypatch.setattr(executor, "ProcessPoolExecutor", refused)
    found, rows = gather(tmp_path / "trials.sqlite", workers=2)
    assert "worker processes could not start (no semaphores here)" in capsys.readouterr().err
    assert without_seconds(found) == without_seconds(usual[1])
    assert rows == usual[2]
