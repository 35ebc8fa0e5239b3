"""Trials that damage one layer: from the kept activations of the clean layers before it, or all from the images."""

from statistics import median

from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.trial import CompiledTask, Slot, run_trial
from nvmsim.bench.row import BenchRow
from nvmsim.inject.backend import get_backend
from nvmsim.zoo.card import load_card
from nvmsim.zoo.network import Network
from nvmsim.zoo.prefix import Activations

RBER = 0.012  # the paper's R(0.95) of this network without protection
GOALS = {"conv3": 1.5, "conv4": 2.5, "fc5": 8.0, "fc6": 30.0}


def reuse_rows(*, quick: bool = False) -> list[BenchRow]:
    """Measure whole trials of the MNIST network, errors in one layer, on 1,000 images (``quick``: 500).

    Trials with and without reuse take turns, so that a busy moment hits both; a figure is the median of its rounds.
    """
    card, blocks, rounds = load_card("mnist-cnn"), (0,) if quick else (0, 1), 5 if quick else 20
    reuse, without = Slot(Network(card)), Slot(Network(card, kept=Activations(0)))
    rows = []
    for layer, goal in GOALS.items():
        task = bsc_task(card, "binary:16", rber=RBER, layers=(layer,))
        pair = [CompiledTask(task, card.weights, slot=slot, backend=get_backend("cpu")) for slot in (reuse, without)]
        rows.append(_row(layer, pair, goal=goal, blocks=blocks, rounds=rounds))
    return rows


def _row(layer: str, pair: list[CompiledTask], *, goal: float, blocks: tuple[int, ...], rounds: int) -> BenchRow:
    taken: tuple[list[float], list[float]] = ([], [])
    for trial in range(rounds + 1):
        for compiled, seconds in zip(pair, taken, strict=True):
            counted = run_trial(compiled, trial, blocks).blocks.values()
            seconds.append(sum(count.seconds for count in counted))
    images = sum(count.images for count in counted)
    fast_s, slow_s = (median(seconds[1:]) for seconds in taken)  # the first trial computes what is kept
    figures = {
        "images_s": images / fast_s,
        "without_images_s": images / slow_s,
        "times_faster": slow_s / fast_s,
    }
    return BenchRow("reuse", f"errors in {layer}", figures, f">= {goal:g}x", slow_s >= goal * fast_s)
