"""Believe a store by doing a random sample of it again.

Flips must be equal on every machine. Counts must be equal on the kind of machine that made them. On another kind the
sums of a layer may be rounded otherwise, which decides images whose two best outputs nearly tie: there, two images in a
thousand may be counted otherwise.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import cycle
from time import monotonic

import numpy as np

from nvmsim.accuracy.executor import available_cores, make_executor
from nvmsim.accuracy.machine import same_kind, this_machine
from nvmsim.accuracy.progress import Bar
from nvmsim.accuracy.records import Trial
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task
from nvmsim.accuracy.workbench import Work
from nvmsim.study.paper.outcome import Rows
from nvmsim.study.paper.points import Point
from nvmsim.study.paper.sources import Networks

# The largest part of the images that another kind of machine may count otherwise, and the images it always may.
# With AVX2 in place of AVX-512 (torch 2.13) none of 28,000 images did, on MNIST, CIFAR-10 and IMDB.
NEAR_TIES, ALWAYS = 0.002, 2
CLEAN_PART = 0.125  # of the cells are of the network without noise, which every loss of accuracy is measured from
BITS = ("raw_bits", "data_bits")
START_S = 0.5  # assumption: making a task ready takes about so long beside its blocks


@dataclass(frozen=True)
class Cell:
    """One block of images of one stored trial: of the point's ``task``, or of its network without noise."""

    study: str
    point: Point
    task: Task
    trial: int
    block: int
    seconds: float

    @property
    def name(self) -> str:
        """Name the cell for a reader."""
        curve = self.point.curve
        at = f"at {self.point.rber:g}" if self.task is self.point.task else "without noise"
        return f"{self.study}: {curve.name} {at}, trial {self.trial}, block {self.block}"


@dataclass(frozen=True)
class Check:
    """What doing ``cells`` again found.

    ``images`` were classified again; ``elsewhere`` of them were first counted on another kind of machine, and there
    ``near_ties`` are the images by which counts differ. ``problems`` say what must not be.
    """

    seed: int
    cells: int
    studies: tuple[str, ...]
    images: int
    elsewhere: int
    near_ties: int
    problems: tuple[str, ...]
    left_out: tuple[str, ...]


def draw_cells(
    points: Sequence[tuple[str, Point]], rows: Rows, *, most: int, seed: int, limit_s: float
) -> tuple[Cell, ...]:
    """Draw up to ``most`` stored cells at random, the studies in turn, that take about ``limit_s`` seconds in all.

    ``points`` are (study, point). The same seed draws the same cells from the same store.
    """
    random = np.random.default_rng(seed)
    by_study: dict[str, list[Point]] = {}
    for study, point in points:
        if rows.of(point.task.id) is not None:
            by_study.setdefault(study, []).append(point)
    chosen: dict[tuple[str, int, int], Cell] = {}
    left_s = limit_s
    for _, study in zip(range(20 * most), cycle(by_study), strict=False):
        cell = _draw(study, by_study[study], rows, random)
        key = (cell.task.id, cell.trial, cell.block)
        if len(chosen) < most and key not in chosen and cell.seconds + START_S <= left_s:
            chosen[key] = cell
            left_s -= cell.seconds + START_S
    return tuple(chosen.values())


def _draw(study: str, points: Sequence[Point], rows: Rows, random: np.random.Generator) -> Cell:
    point = points[random.integers(len(points))]
    clean = random.random() < CLEAN_PART and rows.of(point.task.baseline.id) is not None
    task = point.task.baseline if clean else point.task
    blocks = rows.of(task.id).blocks
    cells = sorted(blocks)
    trial, block = cells[random.integers(len(cells))]
    return Cell(study, point, task, trial, block, blocks[trial, block].seconds)


def expected_s(cells: Sequence[Cell], workers: int) -> float:
    """Return about how many seconds doing the cells again takes."""
    return sum(cell.seconds + START_S for cell in cells) / workers


def check_cells(
    cells: Sequence[Cell],
    store: Store,
    networks: Networks,
    *,
    seed: int,
    workers: int | None = None,
    time_limit_s: float | None = None,
    progress: bool = False,
) -> Check:
    """Do the cells again and compare; ``networks`` hold those of the cells, and say which others are left out.

    Ends after ``time_limit_s`` seconds with what was done till then.
    """
    end = None if time_limit_s is None else monotonic() + time_limit_s
    done = list(_again(cells, networks, workers=workers or available_cores(), end=end, progress=progress))
    return _verdict(done, store, seed=seed, left_out=[f"{name}: {why}" for name, why in networks.missing.items()])


def _again(
    cells: Sequence[Cell], networks: Networks, *, workers: int, end: float | None, progress: bool
) -> Iterator[tuple[Cell, Trial]]:
    by_key = {(cell.task.id, cell.trial, cell.block): cell for cell in cells}
    works = [Work(cell.task, cell.trial, (cell.block,)) for cell in cells]
    if not works:
        return
    executor = make_executor(networks.sources, "auto", workers=workers)
    with closing(executor), closing(Bar(progress)) as bar:
        bar.expect(len(works))
        for trial in executor.run(works):
            if trial is not None:
                bar.move(1)
                (block,) = trial.blocks
                yield by_key[trial.facts.id, trial.trial, block], trial
            if end is not None and monotonic() >= end:
                return


def _verdict(done: Sequence[tuple[Cell, Trial]], store: Store, *, seed: int, left_out: Sequence[str]) -> Check:
    rows, problems = Rows(store), []
    images = elsewhere = near_ties = 0
    for cell, trial in done:
        stored = rows.of(cell.task.id)
        problems += _flip_problems(cell, asdict(stored.trials[cell.trial]), asdict(trial.counts))
        old, new = stored.blocks[cell.trial, cell.block], trial.blocks[cell.block]
        images += new.images
        if same_kind(this_machine(), store.writers(cell.task.id)[cell.trial, cell.block]):
            if old[:2] != new[:2]:
                problems.append(f"{cell.name}: stored {old.correct} of {old.images} right, here {new.correct}")
        else:
            elsewhere += new.images
            near_ties += abs(old.correct - new.correct)
    if near_ties > max(ALWAYS, NEAR_TIES * elsewhere):
        problems.append(
            f"counts of another kind of machine: {near_ties} of {elsewhere} images differ, more than near ties explain "
            f"({NEAR_TIES:.1%})"
        )
    studies = tuple(dict.fromkeys(cell.study for cell, _ in done))
    return Check(seed, len(done), studies, images, elsewhere, near_ties, tuple(problems), tuple(left_out))


def _flip_problems(cell: Cell, old: dict[str, int], new: dict[str, int]) -> list[str]:
    return [
        f"{cell.name}: {name}: stored {old[name]}, here {new[name]}; it must be equal on every machine"
        for name in old
        # Where nothing flips, tasks that expose other bits are one: it kept the bits of whichever was measured first.
        if old[name] != new[name] and not (cell.task.exact and name in BITS)
    ]
