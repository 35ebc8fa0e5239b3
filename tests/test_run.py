"""The main job from Python: mistakes that are easily made."""

import pytest
import torch

import nvmsim


def test_a_bare_module_is_told_how_to_be_wrapped():
    with pytest.raises(nvmsim.InputError, match="from_loader"):
        nvmsim.run("tlc", model=torch.nn.Linear(2, 2))


def test_schemes_may_be_one_text(tmp_path):
    settings = {"rber": 0.0, "trials": 1, "workers": 1, "store": tmp_path / "trials.sqlite"}
    result = nvmsim.run("tlc", schemes="raw,ecc", **settings)
    assert [row.scheme for row in result.rows] == ["raw", "raw", "ecc"]
    assert {row.drop_points for row in result.rows} == {result.rows[0].drop_points}


def test_an_age_beside_an_rber_is_refused():
    with pytest.raises(nvmsim.InputError, match="leave out --condition, --reads, or --rber"):
        nvmsim.run("tlc", rber=1e-3, condition="worn", reads=5)


def test_modes_without_any_error_keep_speeds_of_their_own(tmp_path):
    """Nothing flips, so all rows are one task; what they read is not the same."""
    settings = {"rber": 0.0, "trials": 1, "workers": 1, "store": tmp_path / "trials.sqlite"}
    rows = nvmsim.run("tlc", schemes="ecc,ecc/bits=15-8,raw", **settings).rows
    speeds = {row.mode: row.bandwidth_gb_s for row in rows}
    assert len({row.task_id for row in rows}) == 1
    assert speeds["ecc"] < speeds["ecc+bypass"] < speeds["bypass"]
    assert len({row.storage_bytes_per_weight for row in rows}) == 3
