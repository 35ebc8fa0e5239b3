"""Doing stored trials again: what was changed is found, and another kind of machine may differ by near ties alone."""

import json
import shutil
import sqlite3

import pytest
from paper_curves import curve, measured, networks

from nvmsim.accuracy.store import Store
from nvmsim.study.paper.check import check_cells, draw_cells, expected_s
from nvmsim.study.paper.outcome import Rows

RAW = curve(rber=(2e-3, 1e-2), trials=6)
NULLING = curve("nulling", "binary:16+parity-nulling", rber=(1e-2,), trials=6)
CLEAN = 4  # blocks of the one network without noise


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "trials.sqlite"
    with Store(path) as store:
        points = measured(store, RAW, NULLING)
        store._db.execute("PRAGMA journal_mode = DELETE")
    return path, [("first", point) for point in points[:2]] + [("second", points[2])]


@pytest.fixture
def copy(good, tmp_path):
    """A copy of the store, a function that changes it, and one that does all of it again."""
    path = shutil.copy(good[0], tmp_path / "trials.sqlite")

    def change(statement, *values):
        with sqlite3.connect(path) as database:
            assert database.execute(statement, values).rowcount > 0
        database.close()

    def again(**options):
        with Store(path) as store:
            cells = draw_cells(good[1], Rows(store), **{"most": 1000, "seed": 3, "limit_s": 1e9} | options)
            return check_cells(cells, store, networks(), seed=3, workers=1)

    return change, again


def cells(good, **options):
    with Store(good[0]) as store:
        return draw_cells(good[1], Rows(store), **{"most": 8, "seed": 1, "limit_s": 1e9} | options)


def test_a_sample_is_drawn_by_its_seed_and_spread_over_studies(good):
    drawn = cells(good)
    assert drawn == cells(good) != cells(good, seed=2)
    assert [cell.study for cell in drawn].count("first") == 4
    assert len({(cell.task.id, cell.trial, cell.block) for cell in drawn}) == 8


def test_a_sample_ends_where_its_time_does(good):
    assert expected_s(cells(good, most=1000, limit_s=3.0), 1) <= 3.0
    assert 0 < len(cells(good, most=1000, limit_s=3.0)) < len(cells(good, most=1000))
    assert cells(good, limit_s=0.1) == ()


def test_every_cell_can_be_drawn(good):
    drawn = cells(good, most=1000)
    distorted = [cell for cell in drawn if cell.task is cell.point.task]
    assert (len(distorted), len(drawn)) == (3 * 6 * 4, 3 * 6 * 4 + CLEAN)


def test_what_was_stored_is_met_again(copy):
    found = copy[1]()
    assert (found.problems, found.elsewhere, found.near_ties) == ((), 0, 0)
    assert (found.cells, found.images, found.studies) == (72 + CLEAN, 500 * (72 + CLEAN), ("first", "second"))
    assert found.left_out == ("absent: it is nowhere",)


def test_a_changed_count_without_noise_is_found(copy):
    change, again = copy
    change("UPDATE blocks SET correct = correct - 1 WHERE block = 1 AND task = (SELECT number FROM tasks WHERE blocks "
           "AND NOT EXISTS (SELECT 1 FROM trials WHERE task = number AND raw_flips > 0))")  # fmt: skip
    (problem,) = again().problems
    assert "without noise, trial 0, block 1: stored" in problem


def test_what_cannot_flip_is_one_task_whatever_bits_it_exposes(tmp_path):
    one, other = (curve(name, rber=(0.0,), layers=layers) for name, layers in (("all", ()), ("last", ("3",))))
    with Store(tmp_path / "trials.sqlite") as store:
        (whole, part) = measured(store, one, other)
        assert whole.task.id == part.task.id
        drawn = draw_cells([("first", part)], Rows(store), most=9, seed=1, limit_s=1e9)
        assert any(cell.task is part.task for cell in drawn)
        assert check_cells(drawn, store, networks(), seed=1, workers=1).problems == ()


def test_one_changed_count_is_found(copy):
    change, again = copy
    change("UPDATE blocks SET correct = correct + 1 WHERE task = 3 AND trial = 2 AND block = 1")
    (problem,) = again().problems
    assert "raw at 0.01, trial 2, block 1: stored" in problem or "raw at 0.002, trial 2, block 1: stored" in problem


@pytest.mark.parametrize("name", ["raw_flips", "residual_flips", "nulled"])
def test_changed_flips_are_found_where_nothing_can_flip(tmp_path, name):
    with Store(tmp_path / "trials.sqlite") as store:
        (point,) = measured(store, curve(rber=(0.0,)))
        drawn = draw_cells([("first", point)], Rows(store), most=9, seed=1, limit_s=1e9)
        store._db.execute(f"UPDATE trials SET {name} = {name} + 1 WHERE raw_bits > 0")
        problems = check_cells(drawn, store, networks(), seed=1, workers=1).problems
    assert len(problems) == sum(cell.task is point.task for cell in drawn) > 0
    assert all(f"{name}: stored 1, here 0; it must be equal on every machine" in problem for problem in problems)


@pytest.mark.parametrize("name", ["raw_flips", "residual_flips", "nulled", "raw_bits", "data_bits"])
def test_changed_flips_are_found_on_every_machine(copy, name):
    change, again = copy
    change(f"UPDATE trials SET {name} = {name} + 1 WHERE task = 3 AND trial = 4")
    change("UPDATE runs SET platform = json_set(platform, '$.processor', 'Another')")
    problems = again().problems
    assert len(problems) == 4  # one a block
    assert all(f"{name}: stored" in problem and "on every machine" in problem for problem in problems)


def test_another_kind_of_machine_may_differ_by_near_ties_alone(copy):
    change, again = copy
    change("UPDATE runs SET platform = json_set(platform, '$.torch', '1.0')")
    change("UPDATE blocks SET correct = correct + 1 WHERE task = 3 AND trial < 3 AND block = 1")
    found = again()
    assert (found.problems, found.near_ties, found.elsewhere) == ((), 3, 500 * (72 + CLEAN))
    change("UPDATE blocks SET correct = correct - 4 WHERE task = 3")
    (problem,) = again().problems
    assert "more than near ties explain" in problem


def test_a_store_without_machines_is_another_machine_s(copy):
    change, again = copy
    change("UPDATE blocks SET run = NULL")
    assert again().elsewhere == 500 * (72 + CLEAN)


def test_the_machine_is_noted(good):
    with Store(good[0]) as store:
        (run,) = store.runs()
    assert json.dumps(run["platform"]) and {"processor", "instructions", "torch"} <= set(run["platform"])
