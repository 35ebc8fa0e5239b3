"""The results file: facts are kept once, merges are unions, and whatever is wrong with it is said clearly."""

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nvmsim.accuracy import store_file
from nvmsim.accuracy.records import BlockCount, TaskFacts, Trial, TrialCounts
from nvmsim.accuracy.store import SCHEMA_VERSION, Store
from nvmsim.errors import InputError

HERE = Path(__file__).parent


def trial(number=0, *, task="a" * 64, correct=490, blocks=(0,)) -> Trial:
    facts = TaskFacts(task, "{}", images=10_000, blocks=20, weights=1000, change_bound=1.0)
    counts = TrialCounts(raw_flips=7, raw_bits=16_000, residual_flips=6, data_bits=16_000, nulled=1, failed_codewords=0)
    return Trial(facts, number, counts, {block: BlockCount(correct, 500, 0.05) for block in blocks})


def content(path):
    with Store(path) as store:
        return {task: store.rows(task) for task in store.task_ids()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "trials.sqlite"


def test_rows_come_back_as_they_went_in(path):
    one, two = trial(0, blocks=(0, 1)), trial(1)
    with Store(path) as store:
        store.add([one, two])
    rows = content(path)["a" * 64]
    assert rows.facts == one.facts
    assert rows.trials == {0: one.counts, 1: two.counts}
    assert rows.blocks == {(0, 0): one.blocks[0], (0, 1): one.blocks[1], (1, 0): two.blocks[0]}


def test_an_unknown_task_has_no_rows(path):
    with Store(path) as store:
        assert store.rows("b" * 64) is None


def test_the_first_writer_is_right(path):
    with Store(path) as store:
        store.add([trial(correct=490)])
        store.add([trial(correct=1), trial(correct=1, blocks=(1,))])
    assert [count.correct for count in content(path)["a" * 64].blocks.values()] == [490, 1]


def test_merging_is_a_union_and_merging_again_changes_nothing(path, tmp_path):
    other = tmp_path / "other.sqlite"
    with Store(other) as store:
        store.add([trial(1), trial(0, task="b" * 64)])
        store.set_note("timing", {"us": 3})
    with Store(path) as store:
        store.add([trial(0)])
        store.merge(other)
    once = content(path)
    with Store(path) as store:
        store.merge(other)
        assert store.note("timing") == {"us": 3}
    assert set(once["a" * 64].blocks) == {(0, 0), (1, 0)}
    assert set(once) == {"a" * 64, "b" * 64}
    assert content(path) == once
    with Store(other) as store:
        store.merge(path)
    assert content(other) == once


def test_merging_what_is_not_there_says_so(path, tmp_path):
    with Store(path) as store, pytest.raises(InputError, match="no such results file"):
        store.merge(tmp_path / "missing.sqlite")
    assert not (tmp_path / "missing.sqlite").exists()


def test_notes(path):
    with Store(path) as store:
        assert store.note("x") is None
        store.set_note("x", {"b": [1, 2.5], "a": None})
        store.set_note("x", {"a": 1})
    with Store(path) as store:
        assert store.note("x") == {"a": 1}


def test_who_wrote_is_recorded(path):
    with Store(path) as store:
        store.begin_run(threads=1, workers=2)
        store.begin_run(threads=1, workers=2)
    with Store(path) as store:
        (run,) = store.runs()
    assert (run["host"], run["pid"]) == (socket.gethostname(), os.getpid())
    assert run["ended"] is not None
    assert {"machine", "processor", "torch", "threads", "workers"} <= set(run["platform"])


def test_merging_keeps_who_counted_what(path, tmp_path):
    other = tmp_path / "other.sqlite"
    with Store(other) as store:
        store.add([trial(0)])
        store.begin_run(threads=1, workers=5)
        store.add([trial(1)])
    with Store(path) as store:
        store.begin_run(threads=1, workers=7)
        store.add([trial(2)])
        for _ in range(2):
            store.merge(other)
        assert [run["platform"]["workers"] for run in store.runs()] == [7, 5]
        writers = {cell: about.get("workers") for cell, about in store.writers("a" * 64).items()}
    assert writers == {(0, 0): None, (1, 0): 5, (2, 0): 7}


def test_a_store_in_a_folder_that_cannot_be_written_can_be_read(path):
    with Store(path) as store:
        store.add([trial(0)])
        store._db.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    path.parent.chmod(0o500)
    try:
        with Store(path, read_only=True) as store:
            assert store.rows("a" * 64).blocks[0, 0].correct == 490
            with pytest.raises(InputError, match="cannot be written"):
                store.add([trial(1)])
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_a_killed_client_left_in_its_log_is_read_too(path, tmp_path):
    writer = Store(path)
    writer.add([trial(0)])
    there = tmp_path / "copied"
    there.mkdir()
    for file in path.parent.glob(f"{path.name}*"):  # as the files lie while the client is at work
        if not file.name.endswith("-shm"):
            (there / file.name).write_bytes(file.read_bytes())
    writer.close()
    copied = there / path.name
    assert copied.with_name(f"{path.name}-wal").stat().st_size
    before = sorted((file.name, file.read_bytes()) for file in there.iterdir())
    with Store(copied, read_only=True) as store:
        assert store.rows("a" * 64).blocks[0, 0].correct == 490
        with pytest.raises(InputError, match="cannot be written"):
            store.add([trial(1)])
    assert sorted((file.name, file.read_bytes()) for file in there.iterdir()) == before


def test_a_store_in_a_folder_that_cannot_be_written_can_be_merged(path, tmp_path, monkeypatch):
    other = tmp_path / "other.sqlite"
    with Store(other) as store:
        store.add([trial(1)])
    monkeypatch.setattr(store_file, "writable", lambda _: False)  # tests may run as root, whom no folder refuses
    with Store(path) as store:
        assert store.merge(other).new == 1
    assert [file.name for file in tmp_path.glob("other*")] == [other.name]


def test_an_empty_file_gives_nothing_to_merge_and_stays_empty(path, tmp_path):
    other = tmp_path / "other.sqlite"
    other.touch()
    with Store(path) as store, pytest.raises(InputError, match="is empty"):
        store.merge(other)
    assert not other.stat().st_size


def test_merging_says_which_notes_differ(path, tmp_path):
    other = tmp_path / "other.sqlite"
    for file, text in ((path, "first"), (other, "second")):
        with Store(file) as store:
            store.set_note("study:a", {"text": text})
            store.set_note("study:b", {"text": "same"})
    with Store(path) as store:
        assert store.merge(other).kept == ("study:a",)
        assert store.note("study:a") == {"text": "first"}


def test_images_are_counted_by_task(path):
    with Store(path) as store:
        assert store.images() == {}
        store.add([trial(0), trial(1), trial(0, task="b" * 64)])
        counts = {key: sum(one.images for one in store.rows(key).blocks.values()) for key in store.task_ids()}
        assert store.images() == counts


def test_reading_only_makes_no_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.sqlite: cannot be opened"):
        Store(tmp_path / "none.sqlite", read_only=True)
    assert not list(tmp_path.iterdir())


def test_a_trial_takes_less_than_1_kb(path):
    with Store(path) as store:
        store.add([trial(number, blocks=range(20)) for number in range(2000)])
    assert path.stat().st_size / 2000 < 1000


def problem(path, **options) -> str:
    with pytest.raises(InputError) as caught:
        Store(path, **options).close()
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_another_schema_is_refused_and_left_alone(path):
    with Store(path) as store:
        store.add([trial()])
    for version, advice in ((SCHEMA_VERSION + 1, "upgrade nvmsim"), (0, "the nvmsim that wrote it")):
        database = sqlite3.connect(path)
        database.execute(f"PRAGMA user_version = {version}")
        database.close()
        assert advice in problem(path)
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    database.close()
    assert content(path)["a" * 64].blocks


def test_other_files_are_refused_and_left_alone(tmp_path):
    text, database = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("accuracy: 0.99\n" * 100)
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    for file, message in ((text, "not a results file"), (database, "not a results file of nvmsim")):
        before = file.read_bytes()
        assert message in problem(file)
        assert file.read_bytes() == before


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_truncated_store_is_reported(path, kept):
    with Store(path) as store:
        store.add([trial(number, blocks=range(20)) for number in range(200)])
    os.truncate(path, int(path.stat().st_size * kept))
    assert "damaged" in problem(path)


@pytest.mark.parametrize("position", [0.3, 0.6])
def test_a_store_with_overwritten_pages_is_reported(path, position):
    with Store(path) as store:
        store.add([trial(number, blocks=range(20)) for number in range(200)])
    data = bytearray(path.read_bytes())
    start = int(len(data) * position) // 4096 * 4096
    data[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    assert "damaged" in problem(path)


@pytest.mark.parametrize("change", ["correct = images + 1", "correct = -1", "correct = NULL", "images = 1000000"])
def test_impossible_counts_are_reported(path, change):
    with Store(path) as store:
        store.add([trial(0, blocks=range(2))])
        store._db.execute(f"UPDATE blocks SET {change} WHERE block = 1")
    assert "damaged" in problem(path)


def test_an_empty_file_is_a_new_store(path):
    path.parent.mkdir()
    path.touch()
    with Store(path) as store:
        store.add([trial()])
    assert content(path)


def test_a_folder_or_a_place_that_cannot_be_is_reported(tmp_path):
    assert "cannot be" in problem(tmp_path)
    (tmp_path / "file").touch()
    assert "cannot be opened" in problem(tmp_path / "file" / "trials.sqlite")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody can write")
def test_a_folder_that_cannot_be_written_is_reported():
    assert "cannot be opened" in problem(Path("/proc/nvmsim/trials.sqlite"))
    assert "--store" in problem(Path("/proc/trials.sqlite"))


def test_a_full_disk_is_reported_and_what_was_stored_stays(path):
    with Store(path) as store:
        store.add([trial(0)])
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then fails as on a full disk: SQLITE_FULL
        with pytest.raises(InputError, match="the disk is full; what was stored before is safe"):
            store.add([trial(number, blocks=range(20)) for number in range(1, 300)])
        assert set(store.rows("a" * 64).trials) == {0}
        store._db.execute("PRAGMA max_page_count = 100000")
        store.add([trial(1)])
    assert set(content(path)["a" * 64].trials) == {0, 1}


def _no_more_than_64_kib():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))


def test_a_write_that_the_system_refuses_is_reported(path):
    with Store(path) as store:
        store.add([trial(0)])
    code = f"""
        from test_store import Store, trial
        from nvmsim.errors import InputError
        with Store({str(path)!r}) as store:
            try:
                store.add([trial(number, blocks=range(20)) for number in range(1, 2000)])
            except InputError as error:
                print("said:", error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=HERE, preexec_fn=_no_more_than_64_kib,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "said:" in done.stdout
    assert str(path) in done.stdout
    assert set(content(path)["a" * 64].trials) == {0}


HOLD = """
    import sys
    from nvmsim.accuracy.store import Store
    with Store({path!r}) as store:
        store.begin_run(threads=1, workers=1)
        store._db.execute("BEGIN IMMEDIATE")
        print("held", flush=True)
        sys.stdin.read()
        store._db.execute("COMMIT")
"""


def test_a_second_writer_waits_and_then_says_who_holds_the_store(path):
    code = textwrap.dedent(HOLD.format(path=str(path)))
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with Store(path, wait_s=0.2) as store:
        with pytest.raises(InputError) as caught:
            store.add([trial()])
        assert f"process {holder.pid} on {socket.gethostname()}" in str(caught.value)
        assert "0.2 s" in str(caught.value)
        assert store.task_ids() == []  # readers are not held up
        holder.communicate()
        store.add([trial()])
        assert store.task_ids() == ["a" * 64]


def test_two_clients_can_share_a_store(path):
    with Store(path) as one, Store(path) as two:
        one.add([trial(0)])
        two.add([trial(1)])
        one.add([trial(2)])
        assert set(two.rows("a" * 64).trials) == {0, 1, 2}


WRITE = """
    import itertools
    from test_store import Store, trial
    with Store({path!r}) as store:
        for number in itertools.count():
            store.add([trial(number, blocks=range(5))])
            print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_writing_loses_nothing_that_was_written(path):
    code = textwrap.dedent(WRITE.format(path=str(path)))
    writer = subprocess.Popen([sys.executable, "-c", code], cwd=HERE, stdout=subprocess.PIPE, text=True)
    for line in writer.stdout:
        if int(line) == 40:
            writer.kill()
            break
    writer.communicate()
    rows = content(path)["a" * 64]
    assert set(range(41)) <= set(rows.trials)
    assert len(rows.blocks) == 5 * len(rows.trials)  # a transaction is written as a whole
