"""``nvmsim reproduce``: one command for every table and figure, from stored trials or measured anew."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nvmsim.accuracy import executor
from nvmsim.accuracy.store import Store
from nvmsim.cli import main
from nvmsim.report.paper.figures import figures_of
from nvmsim.report.paper.markdown import render_markdown
from nvmsim.study.paper import load
from nvmsim.study.paper.load import load_studies, shipped_store
from nvmsim.study.paper.measure import points_here
from nvmsim.study.paper.reproduce import networks_of, reproduce

ROOT = Path(__file__).parent.parent
SMALL = """
order: 1
kind: accuracy
answers: Table II
title: a small study
model: mnist-cnn
trials: 10
images: 500
rung_rber: 0.05
figures: [accuracy, boxes]
claims:
  - {says: nulling helps, place: Section IV, test: higher accuracy, curves: [nulling, raw]}
why: It is
  only a test.
curves:
  raw:
    encoding: binary:16
    rber: [0, 0.005, 0.02]
    paper: {place: Table II, accuracy: {0: 0.9959, 0.005: 0.9906}, robustness: [0.012, 0.013]}
  nulling: {encoding: binary:16+parity-nulling, rber: [0.005, 0.02]}
"""
ABSENT = """
order: 2
kind: accuracy
answers: Table IV
title: a network that is nowhere
model: no-such-network
trials: 10
images: 500
rung_rber: 0.05
figures: [accuracy]
curves: {raw: {encoding: binary:16, rber: [0.01], paper: {place: Table IV, robustness: [0.01, 0.02]}}}
"""
SUMMARY = """
order: 3
kind: summary
answers: Table VIII
title: all of them
place: Table VIII
rows:
  MNIST: {study: small, without: raw, nulling: nulling, paper: [0.012, 0.021]}
  Nowhere: {study: absent, without: raw, nulling: raw, paper: [0.01, 0.02]}
"""
EXACT = (
    "{order: 4, kind: distortion, answers: Section V, title: exact, place: Section V, bits: [2, 3, 12], beyond: [64]}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of small studies, with their trials as they are shipped and as they were measured."""
    folder = tmp_path_factory.mktemp("studies")
    for name, text in {"small": SMALL, "absent": ABSENT, "summary": SUMMARY, "exact": EXACT}.items():
        (folder / f"{name}.yaml").write_text(text)
    work = folder.with_name("work.sqlite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "folder", lambda: folder)
        assert main(["reproduce", "--full", "small", "--store", str(work), "--workers", "1"]) == 0
    with sqlite3.connect(work) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    shutil.copy(work, folder / "trials.sqlite")
    return folder


@pytest.fixture
def shipped(folder, tmp_path, monkeypatch):
    """The studies in place of the paper's, in a folder of this test's own."""
    own = tmp_path / "studies"
    shutil.copytree(folder, own)
    shutil.copy(folder.with_name("work.sqlite"), tmp_path / "work.sqlite")
    monkeypatch.setattr(load, "folder", lambda: own)
    monkeypatch.chdir(tmp_path)
    return own


def blocks(path):
    with Store(path) as store:
        return {task: store.rows(task).blocks for task in store.task_ids()}


def counts(path):
    return {(task, cell): count[:2] for task, found in blocks(path).items() for cell, count in found.items()}


def test_everything_is_shown_and_a_sample_is_done_again(shipped, capsys):
    assert main(["reproduce", "--sample", "4", "--seed", "7", "--workers", "1"]) == 0
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()]
    assert next(row for row in rows if row[:2] == ["raw", "0.005"])[2] == "0.9906"
    assert "no bundled model of this name" in out
    assert "why: It is only a test." in out
    assert "4 stored blocks (2,000 images), drawn at random with seed 7 from small, were done again" in out
    assert "flips equal, counts equal" in out
    assert re.search(r"doing 4 stored blocks again takes about \d+ s", err)


def test_a_changed_store_is_found_and_ends_with_1(shipped, capsys):
    with sqlite3.connect(shipped / "trials.sqlite") as database:
        database.execute("UPDATE blocks SET correct = correct - 1 WHERE task > 1")
    database.close()
    assert main(["reproduce", "small", "--quick", "--workers", "1"]) == 1
    out, err = capsys.readouterr()
    assert "PROBLEMS" in out
    assert re.search(r"small: (raw|nulling) at 0\.\d+, trial \d, block 0: stored \d+ of 500 right, here \d+", err)


def test_the_shipped_store_is_not_written(shipped, capsys):
    before = (shipped / "trials.sqlite").read_bytes()
    assert main(["reproduce", "--quick", "--sample", "2", "--workers", "1"]) == 0
    assert (shipped / "trials.sqlite").read_bytes() == before
    assert {path.suffix for path in shipped.iterdir()} == {".yaml", ".sqlite"}


def test_quick_leaves_out_the_wide_words(shipped, capsys):
    assert main(["reproduce", "exact", "--quick"]) == 0
    assert " 12 " not in capsys.readouterr().out.replace("\n", " ")


def test_json(shipped, capsys):
    assert main(["reproduce", "--sample", "0", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    small, absent, summary, exact = found["studies"]
    raw = small["curves"][0]
    assert [point["trials"] for point in raw["points"]] == [1, 10, 10]
    assert [len(point["trial_accuracies"]) for point in raw["points"]] == [1, 10, 10]
    assert raw["points"][1]["low"] <= raw["points"][1]["accuracy"] <= raw["points"][1]["high"]
    assert raw["robustness"]["paper"] == [0.012, 0.013]
    assert absent["curves"][0]["missing"]
    assert [row["missing"] != "" for row in summary["rows"]] == [False, True]
    assert exact["widths"][0]["gray"] == "3/4"
    assert found["check"] is None


def test_out_writes_the_page_and_its_figures(shipped, capsys):
    assert main(["reproduce", "--sample", "0", "--out", "docs"]) == 0
    page = Path("docs/paper.md").read_text()
    linked = re.findall(r"\]\((images/paper/[^)]*)\)", page)
    # No box plot: the trials saw 500 of the 10,000 images.
    assert linked == [f"images/paper/{name}.svg" for name in ("small-accuracy", "summary", "exact")]
    assert all("<svg" in (Path("docs") / name).read_text() for name in linked)
    assert "| raw | 0.005 | 0.9906 |" in page
    assert "**Why.** It is only a test." in page
    assert "| Nowhere | without | 0.01 | not measured |" in page


def test_time_ends_a_measurement_cleanly_and_it_goes_on_to_the_same(shipped, capsys):
    command = ["reproduce", "--full", "small", "--store", "again.sqlite", "--workers", "1"]
    assert main([*command, "--time-limit", "1e-3"]) == 0
    assert "the time was used up" in capsys.readouterr().err
    first = counts("again.sqlite")
    assert len(first) < len(counts("work.sqlite"))
    assert main(command) == 0
    assert "the time was used up" not in capsys.readouterr().err
    assert counts("again.sqlite") == counts("work.sqlite")


def test_an_interrupt_keeps_what_is_done_evenly_and_says_how_to_go_on(shipped, capsys, monkeypatch):
    run = executor.InProcess.run

    def interrupted(self, works):
        for number, trial in enumerate(run(self, works)):
            if number == 40:
                raise KeyboardInterrupt
            yield trial

    command = ["reproduce", "--full", "small", "--store", "again.sqlite", "--workers", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(executor.InProcess, "run", interrupted)
        assert main(command) == 130
    assert "run again to go on" in capsys.readouterr().err
    trials = [len({trial for trial, _ in found}) for found in blocks("again.sqlite").values()]
    assert sorted(trials) in ([1, 1, 8, 8, 8, 10], [1, 1, 8, 8, 8, 9], [1, 1, 8, 8, 8, 8])
    assert main(command) == 0
    assert counts("again.sqlite") == counts("work.sqlite")


def test_full_says_how_long_it_will_take_and_what_is_missing(shipped, capsys):
    assert main(["reproduce", "--full", "--store", "work.sqlite", "--workers", "1"]) == 0
    out, err = capsys.readouterr()
    assert "nothing, all is stored" in err
    assert "raw: not measured: model 'no-such-network'" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["table-9"], "study 'table-9': unknown"),
        (["--sample", "-1"], "--sample: -1: must be from 0"),
        (["--quick", "--full"], "leave out --full"),
        (["--time-limit", "0"], "--time-limit: 0.0: must be above 0 seconds"),
        (["--workers", "0"], "--workers: 0: must be from 1"),
        (["--seed", "-3"], "--seed: -3: must be from 0"),
        (["--store", "none.sqlite"], "none.sqlite: no such results file; nvmsim reproduce --full makes one"),
    ],
)
def test_bad_options_end_with_2(shipped, capsys, arguments, said):
    assert main(["reproduce", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not Path("none.sqlite").exists()


def test_out_replaces_no_text_but_its_own(shipped, tmp_path, capsys):
    page = tmp_path / "docs" / "paper.md"
    page.parent.mkdir()
    page.write_text("my notes")
    assert main(["reproduce", "exact", "--sample", "0", "--out", "docs"]) == 2
    assert page.read_text() == "my notes" and "another text of this name" in capsys.readouterr().err
    page.unlink()
    for _ in range(2):
        assert main(["reproduce", "exact", "--sample", "0", "--out", "docs"]) == 0
    assert main(["reproduce", "--sample", "0", "--out", "docs"]) == 0
    whole = page.read_text()
    capsys.readouterr()
    assert main(["reproduce", "exact", "--sample", "0", "--out", "docs"]) == 2
    assert "paper.md: also has small, absent, summary" in capsys.readouterr().err and page.read_text() == whole


def test_all_studies_are_a_page_without_asking(shipped):
    assert main(["reproduce", "--sample", "0"]) == 0
    assert Path("nvmsim-results/paper/paper.md").is_file()


def test_the_documented_page_is_drawn_from_the_shipped_trials():
    studies = load_studies()
    with Store(shipped_store(), read_only=True) as store:
        found = reproduce(studies, store, networks_of(studies))
    figures = {
        outcome.study.name: {wanted.name: wanted.build(wanted.shown, 7.4)[2] for wanted in figures_of(outcome)}
        for outcome in found.outcomes
    }
    page = ROOT / "docs" / "paper.md"
    assert page.read_text() == render_markdown(found, figures), "run: python tools/update_docs.py paper"
    drawn = {path.stem for path in (page.parent / "images" / "paper").glob("*.svg")}
    assert drawn == {name for names in figures.values() for name in names}


def test_the_shipped_store_holds_the_studies_alone_and_no_machine_s_name():
    with Store(shipped_store(), read_only=True) as store:
        studies = load_studies()
        points = points_here(studies, networks_of(studies))
        wanted = {task.id for point in points for task in (point.task, point.task.baseline)}
        assert set(store.task_ids()) <= wanted
        assert {(run["host"], run["pid"]) for run in store.runs()} == {("", 0)}
        assert store._db.execute("PRAGMA journal_mode").fetchone() != ("wal",)


def test_the_tool_ships_what_the_studies_ask_for(shipped, tmp_path):
    other = tmp_path / "other.sqlite"
    shutil.copy("work.sqlite", other)
    with Store(other) as store:
        tasks = store.task_ids()
    out = tmp_path / "shipped.sqlite"
    script = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "tools")!r})
from ship_paper_store import ship
ship([Path("work.sqlite"), Path({str(other)!r})], Path({str(out)!r}), tasks={tasks[1:]!r})
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    with Store(out, read_only=True) as store:
        assert store.task_ids() == tasks[1:]
        assert {run["host"] for run in store.runs()} == {""}
        assert all(about["system"] == "Linux" for about in store.writers(tasks[1]).values())
        assert store.rows(tasks[1]) == Store("work.sqlite").rows(tasks[1])
    assert not out.with_name("shipped.sqlite-wal").exists()
