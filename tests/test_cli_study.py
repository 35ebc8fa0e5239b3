"""The commands around a study, as a user types them: run, look, ask, export, merge, and go on after a kill."""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from test_kill import wait_for

from nvmsim.cli import main
from tools.kill_study import blocks, killed_and_whole

TEXT = """
title: two ages of a small part
effort: {trials: 8, precision: 0.001, max_drop_points: 60, decide: [best]}
grid: {device: slc, rber: [1e-5, 3e-3], scheme: [ecc, raw]}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder where the study was run, and what the run printed as JSON."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("own.yaml").write_text(TEXT)
        assert main(["study", "own.yaml", "--workers", "1", "--format", "json"]) == 0
    return folder


@pytest.fixture
def here(ran, monkeypatch):
    monkeypatch.chdir(ran)
    return ran


def test_a_run_leaves_its_report_and_its_trials(here):
    assert Path("nvmsim-results/trials.sqlite").is_file()
    page = Path("nvmsim-results/own/report.html").read_text()
    assert "two ages of a small part" in page


def test_a_dry_run_measures_nothing(here, capsys):
    assert main(["study", "own.yaml", "--dry-run", "--store", "dry.sqlite", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "6 tasks" in out and "hours" in out and not Path("dry.sqlite").exists()


def test_status_names_every_task_and_why_it_stopped(here, capsys):
    assert main(["status"]) == 0
    assert "6 of 6 tasks are finished" in capsys.readouterr().out
    assert main(["status", "own", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 6 and all(row["stop_reason"] and row["trials"] for row in rows)
    assert main(["status", "own", "--format", "csv"]) == 0
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 6


def test_a_report_is_drawn_again_from_the_trials_alone(here, capsys):
    first = Path("nvmsim-results/own/rows.csv").read_bytes()
    assert main(["report", "own", "--out", "again", "--format", "csv"]) == 0
    assert capsys.readouterr().out.encode() == first == Path("again/rows.csv").read_bytes()


def test_best_answers_for_each_setting_at_any_loss(here, capsys):
    answers = {}
    for loss in ("0", "100"):
        assert main(["best", "own", "--max-drop", loss, "--format", "json"]) == 0
        answers[loss] = json.loads(capsys.readouterr().out)
    assert answers["0"] != answers["100"]
    assert main(["best", "own"]) == 0
    assert capsys.readouterr().out.count("\n") >= 3


def test_an_export_goes_to_stdout_or_a_file(here, capsys):
    assert main(["export", "own"]) == 0
    out = capsys.readouterr().out
    assert main(["export", "own", "--out", "counts.csv"]) == 0
    assert Path("counts.csv").read_text() == out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["scheme"] for row in rows} == {"ecc", "raw"} and {row["rber"] for row in rows} == {"1e-05", "0.003"}


def test_a_dask_cluster_gives_the_same_bytes(here, capsys):
    pytest.importorskip("distributed")
    assert main(["export", "own"]) == 0
    whole = capsys.readouterr().out
    options = ["--store", "dask.sqlite", "--out", "dask", "--workers", "2"]
    assert main(["study", "own.yaml", "--scheduler", "local-cluster", *options]) == 0
    capsys.readouterr()
    assert main(["export", "own.yaml", "--store", "dask.sqlite"]) == 0
    assert capsys.readouterr().out == whole


def test_stores_of_several_machines_merge(here, capsys):
    assert main(["merge", "sum.sqlite", "nvmsim-results/trials.sqlite"]) == 0
    assert "0 were there already" in capsys.readouterr().out
    assert main(["merge", "sum.sqlite", "nvmsim-results/trials.sqlite"]) == 0
    assert ": 0 new blocks" in capsys.readouterr().out
    assert main(["status", "own", "--store", "sum.sqlite"]) == 0
    assert "6 of 6" in capsys.readouterr().out
    assert main(["merge", "sum.sqlite", "sum.sqlite"]) == 2
    assert "is the store itself" in capsys.readouterr().err
    Path("broken.sqlite").write_bytes(b"no results at all, and long enough to be looked at")
    assert main(["merge", "none.sqlite", "sum.sqlite", "nowhere.sqlite"]) == 2
    assert main(["merge", "none.sqlite", "sum.sqlite", "broken.sqlite"]) == 2
    assert "broken.sqlite" in capsys.readouterr().err
    assert not Path("none.sqlite").exists()


def test_a_store_that_cannot_be_written_can_be_looked_at(here, capsys, monkeypatch):
    assert main(["export", "own"]) == 0
    whole = capsys.readouterr().out
    monkeypatch.setattr("nvmsim.cli_study.writable", lambda _: False)  # tests may run as root, whom no folder refuses
    for words in (["status"], ["best"], ["report", "--out", "elsewhere"]):
        assert main(words) == 0
    capsys.readouterr()
    assert main(["export"]) == 0
    assert capsys.readouterr().out == whole


def test_a_store_that_cannot_be_written_needs_no_timings(here, capsys, monkeypatch):
    Path("bare.sqlite").write_bytes(Path("nvmsim-results/trials.sqlite").read_bytes())
    database = sqlite3.connect("bare.sqlite")
    database.execute("DELETE FROM notes WHERE key LIKE 'timing:%'")
    database.commit()
    database.close()
    monkeypatch.setattr("nvmsim.cli_study.writable", lambda _: False)
    for words in (["status"], ["best"], ["report", "--out", "bare"]):
        assert main([*words, "--store", "bare.sqlite"]) == 0


def test_merging_another_study_of_the_same_name_keeps_the_first_and_says_so(here, capsys):
    Path("other").mkdir()
    text = Path("own.yaml").read_text()
    Path("other/own.yaml").write_text(text.replace("title: ", "title: Another "))
    assert main(["study", "other/own.yaml", "--store", "other.sqlite", "--time-limit", "0.01", "--out", "o"]) == 0
    assert main(["merge", "nvmsim-results/trials.sqlite", "other.sqlite"]) == 0
    assert "other.sqlite: its study own has another text" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["study", "nowhere"], "study 'nowhere': unknown"),
        (["study", "nowhere.yaml"], "no such file, and of the bundled ones"),
        (["study", "elsewhere/configs/quick.yaml"], "no such file, and of the bundled ones"),
        (["study", "own.yaml", "--time-limit", "0"], "--time-limit: 0: must be above 0"),
        (["study", "own.yaml", "--workers", "0"], "--workers: 0: must be from 1"),
        (["status", "--store", "nowhere.sqlite"], "nowhere.sqlite: no such results file"),
        (["best", "own", "--max-drop", "-1"], "--max-drop: -1: must be from 0 to 100"),
        (["best", "owm"], "did you mean own"),
        (["export", "own", "--format", "parquet"], "--format parquet: is no text"),
        (["merge", "a.sqlite", "nowhere.sqlite"], "nowhere.sqlite: no such results file"),
        (["report", "broken.yaml"], "broken.yaml: title: is missing"),
    ],
)
def test_bad_input_is_said_and_ends_with_2(here, words, said, capsys):
    Path("broken.yaml").write_text("grid: {device: tlc}")
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err


def test_a_store_that_cannot_be_written_ends_with_2(here, capsys):
    Path("full.sqlite").write_text("not a store")
    assert main(["study", "own.yaml", "--store", "full.sqlite"]) == 2
    assert "full.sqlite: cannot be read: damaged or not a results file" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_done_and_a_second_client_is_told_who_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("long.yaml").write_text(TEXT.replace("trials: 8", "trials: 4096").replace("decide: [best]", "decide: []"))
    words = [sys.executable, "-m", "nvmsim.cli", "study", "long.yaml", "--workers", "1", "--store", "t.sqlite"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: blocks(Path("t.sqlite")) > 0)
        assert main(["study", "long.yaml", "--store", "t.sqlite"]) == 2
        assert f"another study is at work on it (process {running.pid} on " in capsys.readouterr().err
        assert main(["status", "long", "--store", "t.sqlite"]) == 0
        assert "of 6 tasks are finished" in capsys.readouterr().out
    finally:
        os.kill(running.pid, signal.SIGINT)
        _, complaints = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "run again to go on" in complaints and "Traceback" not in complaints
    assert blocks(Path("t.sqlite")) > 0


@pytest.mark.slow
def test_killed_at_random_moments_it_exports_what_an_undisturbed_run_does(tmp_path):
    killed, whole = killed_and_whole(tmp_path, kills=3, trials=16, longest_s=6.0)
    assert killed == whole and whole.count(b"\n") == 1 + 6 * 16
