"""The command line as a user meets it: exit codes, streams, and what bad input gets."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_device import write_profile

SHORT = ["--schemes", "raw", "--trials", "8", "--rber", "1e-3"]


def nvmsim(*arguments, cwd, **more):
    command = [sys.executable, "-m", "nvmsim.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, **more)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One short run with its profile, folder and answer."""
    folder = tmp_path_factory.mktemp("run")
    profile = write_profile(folder)
    answer = nvmsim("run", profile, *SHORT, "--out", "out", "--format", "json", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder, profile, json.loads(answer.stdout)


def test_a_run_writes_its_report_and_prints_the_same_numbers(done):
    folder, _, printed = done
    written = json.loads((folder / "out" / "results.json").read_text())
    assert [row["accuracy"] for row in written["rows"]] == [row["accuracy"] for row in printed["rows"]]
    kinds = {path.suffix for path in (folder / "out").iterdir()}
    assert kinds >= {".json", ".csv", ".html", ".png", ".svg", ".sqlite"}
    counts = list(csv.DictReader(io.StringIO((folder / "out" / "trials.csv").read_text())))
    row = printed["rows"][0]
    mine = [count for count in counts if count["task_id"] == row["task_id"] and count["mode"] == row["mode"]]
    assert len({count["trial"] for count in mine}) == row["trials"] == 8


def test_a_second_call_answers_from_the_store_and_csv_agrees(done):
    folder, profile, printed = done
    answer = nvmsim("run", profile, *SHORT, "--out", "out", "--format", "csv", cwd=folder)
    assert answer.returncode == 0
    assert "blocks" not in answer.stderr  # no progress: nothing was measured
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert [float(row["accuracy"]) for row in rows] == [row["accuracy"] for row in printed["rows"]]


def test_the_second_call_prints_the_same_bytes_and_leaves_the_report_alone(done):
    folder, profile, _ = done
    answers = []
    for _ in range(2):
        answers.append(nvmsim("run", profile, *SHORT, "--out", "twice", "--format", "csv", cwd=folder).stdout)
        answers.append((folder / "twice" / "report.html").stat().st_mtime_ns)
    assert answers[:2] == answers[2:]


def test_a_closed_stdout_is_no_traceback(tmp_path):
    command = f"{sys.executable} -m nvmsim.cli devices >&-"
    answer = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True)
    assert answer.returncode == 0
    assert "Traceback" not in answer.stderr


def test_equal_layouts_share_their_trials(done):
    # The least profile has no spare bytes: reclaim and bypass are the same task.
    bypass, reclaim = done[2]["rows"]
    assert (bypass["mode"], reclaim["mode"]) == ("bypass", "reclaim")
    assert bypass["accuracy"] == reclaim["accuracy"]


BAD = {
    ("run", "no-such-device"): "tlc",
    ("run", "tlc", "--model", "no-such-model"): "mnist-cnn",
    ("run", "tlc", "--condition", "wron"): "did you mean worn",
    ("run", "tlc", "--rber", "2"): "from 0 to 0.5",
    ("run", "tlc", "--rber", "nan"): "from 0 to 0.5",
    ("run", "tlc", "--rber", "1e-3", "--pe-cycles", "5"): "leave out --pe-cycles",
    ("timing", "tlc", "--set", "timing.bus_mt_s=1e-300"): "bus_mt_s",
    ("timing", "tlc", "--set", "geometry.channels=4096"): "buffer",
    ("timing", "tlc", "--set", "ecc.decode_latency_us=1e9"): "ecc.decode_latency_us",
    ("run", "tlc", "--trials", "0"): "--trials",
    ("run", "tlc", "--precision", "-1"): "--precision",
    ("run", "tlc", "--time-limit", "nan"): "--time-limit",
    ("run", "tlc", "--seed", "-1"): "--seed",
    ("run", "tlc", "--workers", "0"): "--workers",
    ("run", "tlc", "--retention-days", "-3"): "retention",
    ("run", "tlc", "--pe-cycles", "inf"): "pe_cycles",
    ("run", "tlc", "--temperature", "-273.15"): "temperature_c",
    ("run", "tlc", "--schemes", "raw,blue"): "blue",
    ("run", "tlc", "--schemes", ""): "--schemes",
    ("run", "tlc", "--set", "geometry.planes_per_die=0"): "planes_per_die",
    ("run", "tlc", "--set", "timing.read_us.csb=-1"): "read_us",
    ("run", "tlc", "--set", "geometri.channels=2"): "geometry",
    ("run", "tlc", "--set", "nonsense"): "nonsense",
    ("run", "tlc", "--set", "geometry={channels: 1, dies_per_channel: 1, planes_per_die: 1, pages_per_block: 1, "
     "blocks_per_plane: 1}"): "pages",
    ("run", "tlc", "--backend", "cuda", "--trials", "8", "--out", "cuda"): "cuda",
    ("timing", "tlc", "--condition", "old"): "old",
    ("layout", "tlc", "--scheme", "ecc", "--mode", "reclaim"): "--mode",
    ("devices", "check", "missing.yaml"): "missing.yaml",
    ("bench", "no-such-bench"): "no-such-bench",
    ("train", "no-such-model"): "no-such-model",
}  # fmt: skip


@pytest.mark.parametrize("command", BAD, ids=" ".join)
def test_bad_input_gets_one_clear_answer(command, tmp_path):
    if command[1:3] == ("tlc", "--backend") and _has_gpu():
        pytest.skip("a GPU is at hand")
    answer = nvmsim(*command, cwd=tmp_path)
    assert answer.returncode == 2, answer.stderr
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert BAD[command] in answer.stderr


def _has_gpu():
    try:
        import cupy

        return cupy.cuda.runtime.getDeviceCount() > 0
    except Exception:
        return False


def test_all_problems_come_at_once(tmp_path):
    answer = nvmsim("run", "tlc", "--trials", "0", "--rber", "2", "--schemes", "blue,pink", "--seed=-1", cwd=tmp_path)
    assert all(word in answer.stderr for word in ("--trials", "--rber", "blue", "pink", "--seed"))


@pytest.mark.parametrize("damage", ["cut", "noise", "text"])
def test_a_damaged_store_is_named_and_left_as_it_is(done, tmp_path, damage):
    good = (done[0] / "out" / "trials.sqlite").read_bytes()
    damaged = {"cut": good[: len(good) // 2], "noise": bytes(len(good)), "text": b"not a database"}[damage]
    store = tmp_path / "trials.sqlite"
    store.write_bytes(damaged)
    answer = nvmsim("run", done[1], *SHORT, "--store", store, "--out", "out", cwd=tmp_path)
    assert answer.returncode == 2, answer.stderr
    assert "trials.sqlite" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert store.read_bytes() == damaged


def test_a_folder_that_cannot_be_written_is_named(done, tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    answer = nvmsim("run", done[1], *SHORT, "--store", "s.sqlite", "--out", "taken", cwd=tmp_path)
    assert answer.returncode == 2
    assert "taken" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_damaged_weights_file_is_named(tmp_path):
    from nvmsim.resources import bundled

    model = tmp_path / "model"
    model.mkdir()
    for name in ("card.yaml", "weights.safetensors"):
        (model / name).write_bytes((bundled("models") / "mnist-cnn" / name).read_bytes())
    with open(model / "weights.safetensors", "r+b") as weights:
        weights.truncate(1000)
    answer = nvmsim("run", "tlc", "--model", model, cwd=tmp_path)
    assert answer.returncode == 2
    assert "weights.safetensors" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "nvmsim.cli", "run", str(write_profile(tmp_path)), "--trials", "512"]
    command += ["--schemes", "raw,gray", "--precision", "1e-6", "--time-limit", "600", "--out", "out"]
    running = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    store = tmp_path / "out" / "trials.sqlite"
    deadline = time.monotonic() + 60
    while _blocks(store) < 4 and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: the whole group gets it
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "run again to go on" in errors
    assert "Traceback" not in errors
    assert _blocks(store) >= 4


def _blocks(store: Path) -> int:
    import sqlite3

    if not store.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as reader:
            return reader.execute("SELECT count(*) FROM blocks").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_a_full_disk_behind_stdout_is_said():
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "nvmsim.cli", "devices"]
        answer = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert answer.returncode == 2
    assert "No space left" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_reader_that_goes_away_is_no_error():
    command = [sys.executable, "-m", "nvmsim.cli", "devices", "show", "tlc", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.close()  # before anything can be written: a pipe would hold the whole answer
        assert running.stderr.read() == ""
    assert running.returncode == 1


def test_help_names_every_command(tmp_path):
    text = nvmsim("--help", cwd=tmp_path).stdout
    assert all(
        word in text for word in ("run", "sensitivity", "timing", "layout", "devices", "models", "train", "bench")
    )
