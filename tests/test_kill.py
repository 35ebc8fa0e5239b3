"""kill -9 at any moment: what was stored stays, nobody is left behind, and going on gives the undisturbed answer."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from ridge_network import ridge_model, ridge_task

from nvmsim.accuracy.executor import Processes
from nvmsim.accuracy.workbench import Work
from tools.kill_study import blocks as stored

HERE = Path(__file__).parent
CLIENT = """
    import sys
    from ridge_network import BCH, ridge_model, ridge_task
    from nvmsim.accuracy.collect import collect
    from nvmsim.accuracy.export import trial_blocks
    from nvmsim.accuracy.store import Store

    TASKS = [ridge_task(rber=3e-3), ridge_task("hamming:16", rber=3e-3), ridge_task(rber=3e-3, mode="ecc", ecc=BCH)]
    if __name__ == "__main__":
        with Store(sys.argv[1]) as store:
            found = collect(TASKS, store=store, sources={"ridge": ridge_model()}, trials=512, workers=int(sys.argv[2]))
            for estimate in found.values():
                print(estimate.task_id, estimate.mean, estimate.low, estimate.high, estimate.reason)
            print(*trial_blocks(store, list(found.values())), sep="\\n")
"""


@pytest.fixture
def client(tmp_path):
    file = tmp_path / "client.py"
    file.write_text(textwrap.dedent(CLIENT))

    started = []

    def start(store, workers):
        command = [sys.executable, str(file), str(store), str(workers)]
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(HERE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(condition, *, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def members(group) -> list[int]:
    """Processes of a process group that still run (zombies do not)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = entry.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(entry.parent.name))
    return found


def end_of(process, *, seconds=60.0):
    """What a client wrote until it and its workers, which hold its pipes too, had ended."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        pytest.fail(f"after {seconds} s these still run: {[told(pid) for pid in members(process.pid)]}")


def told(pid) -> str:
    try:
        where = [Path(f"/proc/{pid}/{name}").read_text().strip() for name in ("cmdline", "wchan")]
    except OSError as error:
        where = [str(error)]
    return " ".join([str(pid), *where]).replace("\0", " ")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_killed_again_and_again_it_ends_with_the_undisturbed_answer(client, tmp_path):
    whole = client(tmp_path / "whole.sqlite", 1)
    path, before = tmp_path / "killed.sqlite", 0
    for workers, more in ((2, 1), (1, 150), (2, 300), (1, 1)):
        running = client(path, workers)
        wait_for(lambda goal=before + more: stored(path) >= goal)
        os.kill(running.pid, signal.SIGKILL)
        end_of(running)
        wait_for(lambda group=running.pid: not members(group), seconds=5)
        kept = stored(path)
        assert kept >= before + more
        before = kept
    last = client(path, 2)
    answer, complaints = end_of(last, seconds=120)
    undisturbed, _ = end_of(whole, seconds=120)
    assert (last.returncode, whole.returncode) == (0, 0), complaints
    assert answer == undisturbed
    assert len(answer.splitlines()) > before


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_ctrl_c_at_the_terminal_ends_client_and_workers_without_their_tracebacks(client, tmp_path):
    path = tmp_path / "trials.sqlite"
    running = client(path, 2)
    wait_for(lambda: stored(path) > 0)
    os.killpg(running.pid, signal.SIGINT)
    _, complaints = end_of(running, seconds=20)
    assert running.returncode != 0
    assert "run again to go on" in complaints
    assert complaints.count("Traceback") == 1  # this client's own: it does not catch Interrupted
    assert stored(path) > 0
    wait_for(lambda: not members(running.pid), seconds=5)


FIRST_PROCESS = """
import multiprocessing, signal
from nvmsim.accuracy.executor import no_interrupts

def say():
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))

if __name__ == "__main__":
    with no_interrupts():
        worker = multiprocessing.get_context("spawn").Process(target=say)
        worker.start()
    worker.join()
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_ctrl_c_never_reaches_the_first_process_either(tmp_path):
    (tmp_path / "first.py").write_text(FIRST_PROCESS)
    command = [sys.executable, tmp_path / "first.py"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "True"


def test_ctrl_c_while_workers_are_stopped_waits_for_all_of_them(monkeypatch):
    """A second Ctrl-C comes as soon as the first worker is killed: nothing may stay, neither worker nor pickle."""
    running = Processes({"ridge": ridge_model()}, "cpu", workers=2)
    next(running.run([Work(ridge_task(rber=3e-3), 0, (0,))]))
    children, setup, ends = list(running._children), running._setup, type(running._children[0]).kill

    def kill(child):
        ends(child)
        signal.raise_signal(signal.SIGINT)
        monkeypatch.undo()

    monkeypatch.setattr(type(children[0]), "kill", kill)
    with pytest.raises(KeyboardInterrupt):
        running.close()
    assert len(children) == 2 and not any(child.is_alive() for child in children) and not setup.exists()


def test_a_signal_while_workers_are_stopped_goes_to_whom_it_belongs(monkeypatch):
    got, usual = [], signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    try:
        running = Processes({"ridge": ridge_model()}, "cpu", workers=2)
        next(running.run([Work(ridge_task(rber=3e-3), 0, (0,))]))
        child = running._children[0]
        monkeypatch.setattr(child, "kill", lambda: (type(child).kill(child), signal.raise_signal(signal.SIGTERM)))
        running.close()
    finally:
        signal.signal(signal.SIGTERM, usual)
    assert got == [signal.SIGTERM]
