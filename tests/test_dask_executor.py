"""A Dask cluster counts what one process does, loses nothing when parts of it die, and says so when all of it does."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from dask_cluster import HERE, cluster, outcome
from ridge_network import BCH, ridge_model, ridge_task
from test_kill import members, stored, wait_for

from nvmsim import plugins
from nvmsim.accuracy.collect import collect
from nvmsim.accuracy.dask_executor import DaskCluster
from nvmsim.accuracy.dask_worker import Study, about
from nvmsim.accuracy.executor import InProcess, Processes, make_executor
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.workbench import Work
from nvmsim.encoding.binary import Binary
from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo.card import load_card

SOURCES = {"ridge": ridge_model()}
NULLING, ECC = ridge_task("hamming:16+parity-nulling", rber=3e-3), ridge_task(rber=3e-3, mode="ecc", ecc=BCH)
WORKS = [Work(task, trial, (0, 2)) for task in (NULLING, ECC) for trial in range(6)]


def modules() -> str:
    """Where this process finds modules: other tests' plug-ins, registered here, travel to the workers too."""
    return os.pathsep.join(filter(None, sys.path))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster"), workers=2, PYTHONPATH=modules()) as running:
        yield running


@pytest.fixture(scope="module")
def usual():
    return outcome(InProcess(SOURCES, "cpu").run(WORKS))


def on(running, sources=SOURCES):
    return closing(DaskCluster(sources, "cpu", scheduler=running.address, workers=1))


def first(results):
    return next(trial for trial in results if trial is not None)


@pytest.mark.parametrize("kind", ["this process", "processes", "dask"])
def test_every_executor_yields_each_result_once_and_the_same_in_every_round(kind, usual, shared):
    made = {
        "this process": lambda: InProcess(SOURCES, "cpu"),
        "processes": lambda: Processes(SOURCES, "cpu", workers=2),
        "dask": lambda: make_executor(SOURCES, "cpu", workers=1, scheduler=shared.address),
    }
    with closing(made[kind]()) as running:
        assert outcome(running.run([])) == []
        assert outcome(running.run(WORKS)) == usual
        results = running.run(WORKS)
        assert first(results)
        results.close()  # a time limit leaves the rest
        assert outcome(running.run(WORKS)) == usual


def test_two_studies_on_one_cluster_do_not_mix(usual, shared):
    other = replace(ridge_model(1000), name="ridge")
    task = replace(NULLING, weights_sha256=other.weights_sha256, data_sha256=other.data_sha256)
    works = [Work(task, trial, (0, 1)) for trial in range(6)]
    with on(shared) as one, on(shared, {"ridge": other}) as two:
        mine, theirs = one.run(WORKS), two.run(works)
        begun = [first(mine), first(theirs)]
        assert outcome([begun[1], *theirs]) == outcome(InProcess({"ridge": other}, "cpu").run(works))
        two.close()
        assert outcome([begun[0], *mine]) == usual


class Shifted(Binary):
    """A plug-in registered from Python, which workers must know."""

    name = "shifted"


def test_workers_know_what_was_registered_from_python(shared):
    plugins.register("encoding", "shifted", Shifted)
    works = [Work(ridge_task("shifted:16", rber=3e-3), trial, (0,)) for trial in range(2)]
    with on(shared) as running:
        assert outcome(running.run(works)) == outcome(InProcess(SOURCES, "cpu").run(works))


def test_errors_of_input_arrive_from_the_workers(shared, tmp_path):
    shutil.copytree(bundled("models") / "mnist-cnn", tmp_path / "mine")
    card = load_card(tmp_path / "mine")
    task = replace(NULLING, model="mine", weights_sha256=card.weights_sha256, data_sha256=card.data_sha256)
    card.weights_path.unlink()
    with on(shared, {"mine": card}) as running:
        with pytest.raises(InputError, match=r"worker tcp://.*: .*weights.*: there is no such file"):
            outcome(running.run([Work(task, 0, (0,))]))
        shutil.copy(bundled("models") / "mnist-cnn" / "card.yaml", card.weights_path)
        with pytest.raises(InputError, match="not the weights that the client has"):
            outcome(running.run([Work(task, 0, (0,))]))


def refusal(running):
    try:
        with on(running):
            return ""
    except InputError as error:
        return str(error)


def test_a_worker_with_another_version_is_refused_by_name(shared, tmp_path):
    (tmp_path / "nvmsim-9.9.dist-info").mkdir()
    (tmp_path / "nvmsim-9.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: nvmsim\nVersion: 9.9\n")
    odd = shared.add_worker(PYTHONPATH=str(tmp_path))
    try:
        wait_for(lambda: refusal(shared).startswith("worker tcp://"))
        assert f"nvmsim '9.9', not '{about()['nvmsim']}'" in refusal(shared)
    finally:
        odd.kill()
        odd.wait()
    wait_for(lambda: not refusal(shared))
    with pytest.raises(InputError, match=r"nvmsim '0.*', not '9.9'"):  # one that joins when work has begun
        Study(b"", {**about(), "nvmsim": "9.9"}).run(b"")


def test_a_killed_worker_costs_nothing_but_time(usual, shared):
    works = WORKS * 3
    with on(shared) as running:
        results = running.run(works)
        begun = [first(results)]
        shared.workers[0].send_signal(signal.SIGKILL)
        shared.workers[0].wait()
        found = [trial for trial in [*begun, *results] if trial is not None]
        wait_for(lambda: outcome(running.run(WORKS[:1])) and running.workers == 1)
    assert len(found) == len(works)
    assert all(row in usual for row in outcome(found))


class Deadly(Binary):
    """Ends the process that uses it, as one that is out of memory ends."""

    name = "deadly"

    def encode(self, *_):
        os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A store that has something done as soon as it holds results."""

    def __init__(self, store, then):
        self._store, self._then = store, then
        self.kept, self.done_at = 0, 0.0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def add(self, trials):
        self._store.add(trials)
        self.kept += sum(len(trial.blocks) for trial in trials)
        if not self.done_at:
            self._then()
            self.done_at = time.monotonic()


def test_work_that_kills_its_workers_and_a_killed_scheduler_end_with_advice(tmp_path):
    plugins.register("encoding", "deadly", Deadly)
    allowed = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    path = tmp_path / "trials.sqlite"
    with cluster(tmp_path, workers=1, PYTHONPATH=modules(), **allowed) as mortal, Store(path) as store:
        with on(mortal) as running, pytest.raises(InputError, match="a piece of work lost its worker, 1 in a row"):
            outcome(running.run([Work(ridge_task("deadly:16"), 0, (0,))]))
        mortal.add_worker()
        watched = Watched(store, mortal.scheduler.kill)
        with pytest.raises(InputError, match=f"{mortal.address}: went away.*run again to go on"):
            collect([NULLING, ECC], store=watched, sources=SOURCES, trials=512, scheduler=mortal.address)
        assert time.monotonic() - watched.done_at < 20
        assert stored(path) == watched.kept > 0


def test_a_scheduler_that_cannot_be_reached_says_what_to_do(monkeypatch):
    monkeypatch.setattr("nvmsim.accuracy.dask_executor.ANSWER_S", 0.5)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        for address in (nowhere, "no-such-word", "http://127.0.0.1:1"):
            with pytest.raises(InputError, match=f"--scheduler: {address}: cannot be reached"):
                make_executor(SOURCES, "cpu", workers=1, scheduler=address)


CLIENT = """
    import sys
    from test_dask_executor import ECC, NULLING, SOURCES, Store, collect

    if __name__ == "__main__":
        with Store(sys.argv[1]) as store:
            collect([NULLING, ECC], store=store, sources=SOURCES, trials=512, workers=2, scheduler="local-cluster")
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_ctrl_c_ends_a_local_cluster_quickly_and_wholly(tmp_path):
    file, path = tmp_path / "client.py", tmp_path / "trials.sqlite"
    file.write_text("\n".join(line[4:] for line in CLIENT.splitlines()))
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    running = subprocess.Popen(
        [sys.executable, str(file), str(path)], env=environment, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    wait_for(lambda: stored(path) > 0 or running.poll() is not None, seconds=240)
    os.killpg(running.pid, signal.SIGINT)
    _, complaints = running.communicate(timeout=20)
    assert "run again to go on" in complaints
    assert complaints.count("Traceback") == 1  # this client's own: it does not catch Interrupted
    wait_for(lambda: not members(running.pid), seconds=5)


def test_without_dask_the_answer_is_how_to_get_it():
    check = """
import importlib.util, sys
import nvmsim.accuracy.collect
from nvmsim.accuracy.executor import make_executor
print([name for name in ("dask", "distributed") if name in sys.modules])
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "distributed" else find(name, *rest)
try:
    make_executor({}, "cpu", workers=1, scheduler="local-cluster")
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n--scheduler: needs dask distributed: pip install 'nvmsim[dask]'\n"
