"""What errors in the embedding's rows of padding and unknown words cost alone: ``python tools/padding_row.py [RBER]``.

For the first trials of the study table-7, print the accuracy on the first 1500 reviews, the same with the errors of
these two rows undone, and the largest change of a value in each. It supports a sentence of docs/paper.md.
"""

import sys

import numpy as np

from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.trial import disturbed, draw_noise
from nvmsim.inject.backend import get_backend
from nvmsim.zoo.card import load_card
from nvmsim.zoo.network import Network

TRIALS, BLOCKS, ROWS, WIDTH = 8, 3, 2, 32
STUDY_RUNG = 0.03


def accuracy(task: CompiledTask) -> float:
    """Return the accuracy of the network as it is now, on the first blocks of reviews."""
    network = task.slot.network
    right = sum(network.correct(block, task.order) for block in range(BLOCKS))
    return right / sum(network.block_images(block) for block in range(BLOCKS))


def main(rber: float) -> None:
    """Print a line a trial."""
    card = load_card("imdb-lstm")
    asked = bsc_task(card, "binary:16", rber=rber, rung_rber=STUDY_RUNG, layers=("embedding",))
    task = CompiledTask(asked, card.weights, slot=Slot(Network(card)), backend=get_backend("cpu"))
    task.load()
    flat, shared = task.slot.network.flat.numpy(), slice(0, ROWS * WIDTH)
    print("trial  accuracy  rows undone  padding moved  unknown moved")
    for trial in range(TRIALS):
        with disturbed(task, draw_noise(task, trial)):
            noisy, wrong = accuracy(task), flat[shared].copy()
            moved = np.abs(wrong - task.clean[shared]).reshape(ROWS, WIDTH).max(axis=1)
            flat[shared] = task.clean[shared]
            undone = accuracy(task)
            flat[shared] = wrong
        print(f"{trial:5}  {noisy:8.4f}  {undone:11.4f}  {moved[0]:13.4f}  {moved[1]:13.4f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.001)
