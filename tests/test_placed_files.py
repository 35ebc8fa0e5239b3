"""Files placed by page type: which weights lie first in each, and what reading a small one takes."""

import json

import numpy as np
import pytest
from test_task_ids import question

import nvmsim
from nvmsim.cli_layout import layout_report
from nvmsim.device.layout import placed_layout
from nvmsim.device.profile import load_device
from nvmsim.device.rber import device_rates
from nvmsim.study.rows import cases_of
from nvmsim.study.timings import used_by
from nvmsim.timing.read_path import read_timing
from nvmsim.zoo.card import load_card


@pytest.mark.parametrize("scheme", ["ecc/layers=conv1@layers=fc6", "ecc/layers=conv1+fc6@layers=fc6"])
def test_layers_lie_first_in_the_file_that_holds_them(scheme):
    card = load_card("mnist-cnn")
    (case,) = [case for case in cases_of(question(schemes=[scheme])) if case.mode == "ecc+bypass"]
    tensors = [tensor for tensor in card.tensors if tensor.module == "fc6"]
    named = np.concatenate([np.arange(tensor.start, tensor.start + tensor.size) for tensor in tensors])
    found = [part.weights_of(np.arange(*span)) for part in case.parts for span in part.first]
    assert np.concatenate(found).tolist() == named.tolist()
    rows = json.loads(layout_report("tlc", model="mnist-cnn", scheme=scheme, fmt="json"))["tensors"]
    first = {row["file"]: row["tensor"].split(".")[0] for row in reversed(rows)}
    assert first["bypass" if "conv1@" in scheme else "ecc"] == "fc6"


def test_a_small_file_takes_the_time_of_its_own_dies(tmp_path):
    device = load_device("tlc", ["geometry.channels=8", "geometry.dies_per_channel=4"])
    store = {"store": tmp_path / "trials.sqlite", "condition": "worn", "trials": 1, "workers": 1}
    found = nvmsim.run(device, model="mnist-cnn", schemes=["raw", "raw@layers=fc6"], **store)
    rows = {row.scheme: row for row in found.rows if row.mode == "bypass"}
    few = load_device("tlc", ["geometry.channels=3", "geometry.dies_per_channel=1"])
    alone = read_timing(few, "bypass", model_bytes=2 * rows["raw"].n_weights).load_us
    assert rows["raw@layers=fc6"].load_us == pytest.approx(alone, rel=1e-9)
    assert rows["raw@layers=fc6"].load_us > 1.1 * rows["raw"].load_us
    assert rows["raw@layers=fc6"].bandwidth_gb_s == rows["raw"].bandwidth_gb_s


def test_a_small_file_meets_the_failures_of_the_page_types_that_it_lies_on():
    device = load_device("tlc")
    rates = device_rates(device, device.condition("beyond"))
    layout = placed_layout(device, "ecc", "bit-plane", rates.by_page_type)
    first = layout.first_type(8)
    few, turned = used_by(layout, 8, device=device, rates=rates)
    assert first == 2 and few.geometry.dies == layout.stripe_groups(8)
    for mine, all_types in zip(
        (turned.by_page_type, *turned.retries), (rates.by_page_type, *rates.retries), strict=True
    ):
        assert [mine[turn] for turn in range(3)] == [all_types[(first + turn) % 3] for turn in range(3)]
    assert list(few.timing.read_us) == [device.timing.read_us[(first + turn) % 3] for turn in range(3)]
