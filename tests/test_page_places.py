"""Where the pages of a model lie: on which block and layer, in which trial."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ridge_network import ridge_layout, ridge_task
from scipy.stats import binomtest, chisquare

from nvmsim.accuracy.page_places import PagePlaces
from nvmsim.device.block_variation import BlockVariation, block_variation
from nvmsim.device.every_model import EveryModel
from nvmsim.device.page_classes import combined_classes
from nvmsim.device.parts import Geometry
from nvmsim.inject.draws import block_classes, first_word_line, trial_offset

ALPHA = 1e-6


@st.composite
def tasks(draw):
    """A task on a small device, and its number of pages."""
    types = draw(st.integers(1, 4))
    sizes = {key: draw(st.integers(1, 3)) for key in ("channels", "dies_per_channel", "planes_per_die")}
    order = tuple(draw(st.permutations(range(types)))) if draw(st.booleans()) else ()
    per_block = draw(st.integers(2 * types, 9 * types))
    keys = EveryModel(block_sigma=draw(st.sampled_from([0.0, 1.0])), layer_factors=draw(st.sampled_from([(), (3, 1)])))
    blocks = block_variation(keys, Geometry(1, 1, 1, per_block, 1), types)
    how = {"page_sigma": draw(st.sampled_from([0.0, 0.5])), "blocks": blocks, "rates": ((1e-3, 1e-3),) * types}
    layout = replace(ridge_layout(**sizes, page_types=types), plane_order=order)
    return ridge_task(layout=layout, device_seed=draw(st.integers(0, 3)), **how), draw(st.integers(0, 300))


def start_on(layout, pages):
    """Return the page type, the lowest of equals, from which the pages meet the most reliable types."""
    in_round = layout.stripe_groups(pages) * layout.planes_per_die

    def places(start):
        types = [(page // in_round + start) % layout.page_types for page in range(pages)]
        return sum(layout.plane_order.index(kind) for kind in types)

    return min(range(layout.page_types), key=places)


def slow_factors(task, pages, trial):
    """Return each page's factor, from counters of the pages written to each plane so far."""
    layout, blocks = task.layout, task.blocks or BlockVariation()
    dies = layout.stripe_groups(pages)
    offset = start_on(layout, pages) if layout.plane_order else trial_offset(task.seed, trial, layout.page_types)
    start = first_word_line(task.seed, trial, blocks.word_lines) if blocks.layer_factors else 0
    own = combined_classes(task.page_sigma, task.blocks)
    page_class = PagePlaces(replace(task, blocks=None), pages).at(trial)
    written, found = Counter(), []
    for page in range(pages):
        group, plane = divmod(page, layout.planes_per_die)
        place = (group % dies) * layout.planes_per_die + plane
        in_plane, block_class, layer = written[place], 0, 0
        written[place] += 1
        if blocks.sigma:
            block = in_plane // blocks.pages_per_block
            block_class = block_classes(task.device_seed, blocks=block + 1, planes=place + 1, classes=64)[block, place]
        if blocks.layer_factors:
            line = ((in_plane + offset) // layout.page_types + start) % blocks.word_lines
            layer = int(line / blocks.word_lines * len(blocks.layer_factors) + 1e-9)
        found.append(own.factors[own.by_part[layer, block_class, page_class[page] if task.page_sigma else 0]])
    return found


@settings(max_examples=60, deadline=None)
@given(tasks(), st.integers(0, 50))
def test_pages_lie_where_counting_plane_by_plane_puts_them(given_task, trial):
    task, pages = given_task
    places = PagePlaces(task, pages)
    assert np.array(places.classes.factors)[places.at(trial)].tolist() == slow_factors(task, pages, trial)
    linear = replace(task, layout=replace(task.layout, plane_order=()))
    assert PagePlaces(linear, pages).offset(trial) == trial_offset(task.seed, trial, task.layout.page_types)


def test_over_all_starts_classes_are_as_frequent_as_their_shares():
    keys = EveryModel(block_sigma=0.5, layer_factors=(2.0, 1.6, 1.0, 0.8, 0.6))
    blocks = block_variation(keys, Geometry(1, 1, 1, 30, 1), 3)
    places = PagePlaces(ridge_task(blocks=blocks, page_sigma=0.3), 700)
    first = {(first_word_line(7, trial, 10), places.offset(trial)): trial for trial in range(500)}
    seen = sum(np.bincount(places.at(trial), minlength=len(places.classes.factors)) for trial in first.values())
    assert len(first) == 30
    assert seen / 30 == pytest.approx(places.expected)
    many = np.mean([PagePlaces(replace(places.task, device_seed=seed), 700).expected for seed in range(60)], axis=0)
    assert np.abs(many / 700 - places.classes.shares).max() < 0.01


def test_starts_are_uniform_over_seeds_and_spread_over_trials():
    starts = [first_word_line(seed, 3, 16) for seed in range(2000)]
    assert chisquare(np.bincount(starts, minlength=16)).pvalue > ALPHA
    for trials in (16, 64, 256):
        counts = np.bincount([first_word_line(5, trial, 384) // 24 for trial in range(trials)], minlength=16)
        assert counts.min() >= trials / 16 - 2 and counts.max() <= trials / 16 + 2
        by_type = np.bincount([first_word_line(5, trial, 384) // 96 for trial in range(0, 4 * trials, 4)], minlength=4)
        assert by_type.min() >= trials / 4 - 2  # page types go in turn, here of four: no layer has one type alone


def test_blocks_are_equally_often_of_each_class_and_belong_to_the_device():
    found = block_classes(3, blocks=400, planes=400, classes=64)
    assert chisquare(np.bincount(found.ravel(), minlength=64)).pvalue > ALPHA
    assert found[:5, :7].tolist() == block_classes(3, blocks=5, planes=7, classes=64).tolist()
    other = block_classes(4, blocks=400, planes=400, classes=64)
    assert binomtest(int((found == other).sum()), found.size, 1 / 64).pvalue > ALPHA
