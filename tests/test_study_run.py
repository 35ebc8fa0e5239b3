"""A study run: equal on any number of processes, kept whatever stops it, and no further than what it decides."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from example_result import example
from ridge_network import ridge_model

from nvmsim.accuracy.collect import collect, collected
from nvmsim.accuracy.lock import holding
from nvmsim.accuracy.store import Store
from nvmsim.errors import InputError
from nvmsim.report.study.export import as_csv, as_parquet
from nvmsim.report.study.names import setting_name
from nvmsim.study.grid.answers import best_of
from nvmsim.study.grid.export import columns_of, counts_of
from nvmsim.study.grid.forecast import forecasts
from nvmsim.study.grid.load import load_study, read_study
from nvmsim.study.grid.open import open_study, replaced, unlike_bundled, with_max_drop
from nvmsim.study.grid.outcomes import study_outcome
from nvmsim.study.grid.questions import questions_of
from nvmsim.study.grid.run import run_study, stored, tasks_of
from nvmsim.study.grid.settle import Settling, open_rows, undecided_for_best
from nvmsim.study.grid.spec import Sampling
from nvmsim.study.tradeoff import unpaired_difference
from nvmsim.zoo.network import Network

TEXT = """
title: a small study
effort: {trials: 64, precision: 0.002, max_drop_points: 12, decide: [best]}
grid:
  device: slc
  rber: [1e-4, 3e-3, 2e-2]
  model: ridge
  scheme: [ecc, raw, nulling]
"""


def opened(text=TEXT, *, workers=1):
    study = read_study(text, name="small", label="small.yaml", folder=Path("."))
    return study, questions_of(study, models={"ridge": ridge_model()}, workers=workers)


def exported(study, asked, store):
    return as_csv(columns_of(study.axes), counts_of(asked, store, estimates=stored(study, asked, store)))


def ran(path, text=TEXT, *, workers=1):
    study, asked = opened(text, workers=workers)
    with Store(path) as store:
        run_study(study, asked, store)
        return exported(study, asked, store)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished study: its store and its export."""
    path = tmp_path_factory.mktemp("whole") / "trials.sqlite"
    return path, ran(path)


def test_four_processes_export_the_same_bytes(whole, tmp_path):
    assert ran(tmp_path / "trials.sqlite", workers=4) == whole[1]
    assert whole[1].count(b"\n") > 500


def test_what_is_stored_says_what_the_run_said(whole):
    study, asked = opened()
    options = {"trials": 64, "precision": 0.002}
    with Store(whole[0]) as store:
        settled = [Settling(asked, study.sampling, store) for _ in range(2)]
        run = collect(
            tasks_of(asked), store=store, sources={"ridge": ridge_model()}, workers=1, settled=settled[0], **options
        )
        looked = collected(tasks_of(asked), store=store, settled=settled[1], **options)
    assert "settled" in {estimate.reason for estimate in run.values()}
    assert {key: (e.mean, e.low, e.high, e.reason, e.trials) for key, e in looked.items()} == {
        key: (e.mean, e.low, e.high, e.reason, e.trials) for key, e in run.items()
    }


def test_an_unfinished_study_is_shown_as_far_as_it_is_and_goes_on(whole, tmp_path):
    study, asked = opened()
    path = tmp_path / "trials.sqlite"
    with Store(path) as store:
        empty = study_outcome(study, asked, store, estimates=stored(study, asked, store))
        assert empty.progress.begun == 0 and all(one.result is None for one in empty.settings)
        assert all(len(one.lacking) == 5 for one in empty.settings)
        run_study(study, asked, store, time_limit_s=1e-6)
        found = study_outcome(study, asked, store, estimates=stored(study, asked, store))
        assert 0 < found.progress.finished < found.progress.begun == found.progress.tasks
        assert all(len(one.result.rows) == 5 for one in found.settings)
        run_study(study, asked, store, time_limit_s=0.2)
        again = study_outcome(study, asked, store, estimates=stored(study, asked, store))
        assert again.progress.trials > found.progress.trials  # each call has a limit of its own
        run_study(study, asked, store)
        assert exported(study, asked, store) == whole[1]


def test_rows_that_decide_nothing_stop_early(whole):
    study, asked = opened()
    with Store(whole[0]) as store:
        estimates = stored(study, asked, store)
        outcome = study_outcome(study, asked, store, estimates=estimates)
    assert {e.reason for e in estimates.values()} >= {"settled"}
    assert outcome.progress.images < outcome.progress.flat_images
    for one in outcome.settings:
        settled = [row for row in one.result.rows if estimates[row.task_id].reason == "settled"]
        assert not {row.task_id for row in settled} & {
            row.task_id for row in undecided_for_best(one.result.rows, study.sampling.max_drop_points)
        }


def test_nothing_to_decide_leaves_precision_alone(tmp_path):
    study, asked = opened(TEXT.replace("decide: [best]", "decide: []"))
    with Store(tmp_path / "trials.sqlite") as store:
        run_study(study, asked, store)
        assert not {"settled", "open"} & {e.reason for e in stored(study, asked, store).values()}


def rows(*speeds_and_drops):
    """Rows of a speed (GB/s) and a drop's interval (points)."""
    row = example().rows[1]
    return [
        replace(
            row, scheme=f"s{i}", task_id=f"t{i}", bandwidth_gb_s=speed, bandwidth_error=0.0, paired_with=str(i),
            drop_low=low, drop_points=(low + high) / 2, drop_high=high, fails_uber=False,
            low=0.99 - high / 100, accuracy=0.99 - (low + high) / 200, high=0.99 - low / 100,
        )
        for i, (speed, low, high) in enumerate(speeds_and_drops)
    ]  # fmt: skip


def test_the_best_is_the_fastest_that_surely_fits():
    found = best_of(rows((1, 0, 0), (2, 0, 0.5), (3, 0.2, 2), (4, 3, 5)), max_drop_points=1)
    assert (found.row.scheme, found.runner_up.scheme, found.open_rows) == ("s1", "s2", 1)
    found = best_of(rows((1, 2, 3), (2, 4, 5)), max_drop_points=1)
    assert (found.row, found.runner_up.scheme, found.open_rows) == (None, "s0", 0)
    found = best_of(rows((1, 0, 3), (2, 0, 0.5)), max_drop_points=1)
    assert (found.row.scheme, found.runner_up, found.open_rows) == ("s1", None, 0)


def test_an_ecc_row_that_misses_its_uber_is_no_answer():
    failing = [replace(row, fails_uber=True) for row in rows((1, 0, 0))]
    assert best_of(failing, max_drop_points=1).row is None
    assert not undecided_for_best([replace(row, drop_high=3.0) for row in failing], 1)


def test_what_matters_for_best_are_undecided_rows_faster_than_the_surest():
    sampling = Sampling(trials=64, precision=0.01, decide=("best",), max_drop_points=1)
    some = rows((1, 0, 3), (2, 0, 0.5), (3, 0, 2), (4, 3, 5))
    assert open_rows(some, unpaired_difference, sampling) == {"t2"}


def test_what_matters_for_the_front_are_pairs_not_told_apart():
    sampling = Sampling(trials=64, precision=0.001, decide=("front",))
    apart = rows((1, 0, 0.1), (2, 1, 2))
    assert open_rows(apart, unpaired_difference, sampling) == set()
    overlapping = rows((1, 0, 3), (2, 1, 2), (3, 8, 9))
    assert open_rows(overlapping, unpaired_difference, sampling) == {"t0", "t1"}
    assert open_rows(overlapping, unpaired_difference, replace(sampling, precision=0.03)) == set()


def test_rows_that_a_third_one_surely_dominates_do_not_keep_each_other_open():
    sampling = Sampling(trials=64, precision=0.001, decide=("front",))
    collapsed = rows((1, 85, 95), (2, 88, 92), (3, 0, 0.1), (4, 1, 2))
    assert open_rows(collapsed, unpaired_difference, sampling) == set()
    assert open_rows(collapsed[:2], unpaired_difference, sampling) == {"t0", "t1"}


def test_no_loss_fits_a_limit_of_no_loss_however_its_mean_was_rounded():
    for drop in (-1.1e-14, 0.0, 1.1e-14):
        found = best_of(rows((1, drop, drop)), max_drop_points=0)
        assert (found.row.scheme, found.open_rows) == ("s0", 0)


def test_a_trial_whose_own_row_is_lost_is_no_trial(whole, tmp_path):
    path = tmp_path / "torn.sqlite"
    path.write_bytes(whole[0].read_bytes())
    database = sqlite3.connect(path)
    database.execute("DELETE FROM trials WHERE trial = 3")
    database.execute("UPDATE notes SET json = '{}' WHERE key LIKE 'study:%'")
    database.commit()
    database.close()
    study, asked = opened()
    with Store(path) as store:
        with pytest.raises(InputError, match=r"torn\.sqlite: its study small is damaged"):
            open_study("small", store)
        assert stored(study, asked, store) == {}  # the first look of every task is torn
        run_study(study, asked, store)
        assert exported(study, asked, store) == whole[1]


def test_a_second_study_of_a_name_is_announced(whole):
    study, _ = opened()
    with Store(whole[0]) as store:
        assert replaced(study, store) == ""
        assert "takes the place of another text" in replaced(replace(study, text=f"{TEXT}# changed"), store)


def test_a_study_shown_in_place_of_the_bundled_one_is_announced():
    bundled = load_study("quick")
    assert unlike_bundled("quick", bundled) == unlike_bundled("small", bundled) == unlike_bundled(None, bundled) == ""
    assert "as it was run before" in unlike_bundled("quick", replace(bundled, text=TEXT))


def test_named_grids_tell_equal_settings_apart():
    text = "title: x\ngrids: {one: {device: [slc, tlc], scheme: raw}, two: {device: [slc, tlc], scheme: nulling}}"
    study, _ = opened(text)
    assert [setting_name(point) for point in study.points] == ["one: slc", "one: tlc", "two: slc", "two: tlc"]


def test_another_loss_is_asked_of_the_same_trials(whole):
    study, asked = opened()
    with Store(whole[0]) as store:
        estimates = stored(study, asked, store)
        strict = study_outcome(with_max_drop(study, 0.0), asked, store, estimates=estimates)
        lax = study_outcome(with_max_drop(study, 100.0), asked, store, estimates=estimates)
    assert all(one.best.row.drop_high <= 0 for one in strict.settings if one.best.row)
    fastest = [max(row.bandwidth_gb_s for row in one.result.rows) for one in lax.settings]
    assert [one.best.row.bandwidth_gb_s for one in lax.settings] == pytest.approx(fastest)
    with pytest.raises(InputError, match="--max-drop: 101: must be from 0 to 100"):
        with_max_drop(study, 101)


def test_the_study_is_found_again_by_name(whole, tmp_path):
    with Store(whole[0]) as store:
        assert open_study(None, store).text == open_study("small", store).text == TEXT
        with pytest.raises(InputError, match="did you mean small"):
            open_study("smal", store)
    with Store(tmp_path / "empty.sqlite") as store, pytest.raises(InputError, match="no study was run"):
        open_study(None, store)


def test_parquet_holds_what_csv_holds(whole, tmp_path):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    study, asked = opened()
    with Store(whole[0]) as store:
        estimates = stored(study, asked, store)
        listed = list(counts_of(asked, store, estimates=estimates))
        file = tmp_path / "counts.parquet"
        file.write_bytes(as_parquet(columns_of(study.axes), iter(listed)))
    assert pyarrow.read_table(file).to_pylist() == listed


def test_a_forecast_counts_tasks_flips_and_images(whole, tmp_path):
    study, asked = opened()
    with Store(whole[0]) as store:
        (known,) = forecasts(asked, study.sampling, store)
    with Store(tmp_path / "empty.sqlite") as store:
        (new,) = forecasts(asked, study.sampling, store)
    assert known.tasks == new.tasks == len(tasks_of(asked)) == 15
    assert new.flips_high == pytest.approx(2e-2 * 16 * ridge_model().n_weights)
    assert new.flips_low == 0.0  # behind ECC
    assert new.images_stored == 0 == known.images_low < known.images_stored
    assert known.images_high < new.images_high and known.seconds_per_image > 0
    low, high = new.hours(2)
    assert 0 < low < high


def test_the_pace_of_a_forecast_is_of_trials_that_put_images_through_the_network(tmp_path, monkeypatch):
    pushed, correct = [], Network.correct

    def counted(network, *given, **more):
        pushed.append(given)
        return correct(network, *given, **more)

    monkeypatch.setattr(Network, "correct", counted)
    study, asked = opened(TEXT.replace("1e-4", "1e-9").replace("[ecc, raw, nulling]", "raw"))
    with Store(tmp_path / "empty.sqlite") as store:
        forecasts(asked, study.sampling, store)
    assert len(pushed) == 2  # that which compiles and the one timed


def test_a_forecast_of_ecc_in_part_counts_the_flips_of_both_parts(tmp_path):
    study, asked = opened(TEXT.replace("[ecc, raw, nulling]", "[ecc/bits=15-12]").replace("[1e-4, 3e-3, 2e-2]", "2e-2"))
    with Store(tmp_path / "trials.sqlite") as store:
        (found,) = forecasts(asked, study.sampling, store)
        run_study(study, asked, store, time_limit_s=1e-6)
        for task in tasks_of(asked):
            trials = store.rows(task.id).trials
            rate = sum(one.raw_flips for one in trials.values()) / sum(one.raw_bits for one in trials.values())
            assert found.flips_high == pytest.approx(rate * 16 * ridge_model().n_weights, rel=0.02)


# With nulling some trials at 1e-4 change no weight, and need no pass. With ECC in part the code mends all there, and as
# nothing is to be decided, what it mends sees every image.
@pytest.mark.parametrize(
    ("schemes", "least"), [("[ecc, raw, nulling]", "1e-2"), ("[ecc, ecc/bits=15-12, ecc/layers=3]", "1e-4")]
)
def test_a_forecast_counts_what_a_run_of_first_looks_pushes_through_the_network(schemes, least, tmp_path, monkeypatch):
    pushed = []
    correct = Network.correct

    def counted(network, block, *rest, **more):
        pushed.append(network.block_images(block))
        return correct(network, block, *rest, **more)

    text = TEXT.replace("trials: 64, precision: 0.002", "trials: 8, precision: 0.5")
    text = text.replace("[ecc, raw, nulling]", schemes).replace("decide: [best]", "decide: []")
    study, asked = opened(text.replace("1e-4", least))
    with Store(tmp_path / "trials.sqlite") as store:
        (found,) = forecasts(asked, study.sampling, store)
        monkeypatch.setattr(Network, "correct", counted)
        run_study(study, asked, store)
        (after,) = forecasts(asked, study.sampling, store)
    assert sum(pushed) == found.images_low == found.images_high
    assert after.images_low == after.images_high == 0


def test_a_lock_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "trials.sqlite.lock").mkdir()
    with (
        pytest.raises(InputError, match=r"trials\.sqlite\.lock: cannot be written"),
        holding(tmp_path / "trials.sqlite"),
    ):
        pass


def test_one_study_at_a_time_has_a_store(tmp_path):
    path = tmp_path / "trials.sqlite"
    held = r"another study is at work on it \(process \d+ on "
    (link := tmp_path / "link.sqlite").symlink_to(path)
    for other in (path, link):
        with holding(path), pytest.raises(InputError, match=held), holding(other):
            pass
    with holding(path):
        pass
