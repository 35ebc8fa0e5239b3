"""Where it computes: double buffering against an event by event recursion, places and networks by hand, the command."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvmsim.cli import main
from nvmsim.device.ecc import final_uber
from nvmsim.device.profile import load_device
from nvmsim.device.rber import device_rates
from nvmsim.errors import InputError
from nvmsim.timing.inference import Work, inferences, period_s, sense_bytes, sensed_mb_s
from nvmsim.timing.layers import LayerShape, one_layer, read_layers
from nvmsim.timing.read_path import read_timing
from nvmsim.zoo.card import load_card
from nvmsim.zoo.layer_work import layer_work

TLC = load_device("tlc")
LAYERS = (LayerShape("conv", 1_000_000, 9e8), LayerShape("fc", 50_000_000, 5e7))
times = st.integers(0, 1000)


def answers(device, work, modes=("ecc",), **tflops):
    rows = inferences(device, device.condition(), work, tflops=tflops, modes=modes)
    return {(row.where, row.mode): row for row in rows}


def played(load, compute, inferences_):
    """Return when each inference is done: a load takes one of two buffers once the layer before last has computed."""
    loaded, computed, done = 0, [0, 0], []
    for _ in range(inferences_):
        for load_s, compute_s in zip(load, compute, strict=True):
            loaded = max(loaded, computed[-2]) + load_s
            computed.append(max(loaded, computed[-1]) + compute_s)
        done.append(computed[-1])
    return done


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(times, times), min_size=1, max_size=7))
def test_the_period_is_that_of_two_buffers_played_through(layers):
    load, compute = (np.array(part) for part in zip(*layers, strict=True))
    done = played(load, compute, 12)
    assert (done[-1] - done[3]) / 8 == pytest.approx(period_s(load, compute), abs=1e-9)


def test_equal_layers_take_as_long_as_one():
    many = Work([LayerShape("x", 10**7, 1e7)] * 32)
    one = Work([LayerShape("x", 32 * 10**7, 32e7)])
    rows = [answers(TLC, work, host=1.0, controller=0.01) for work in (many, one)]
    for place in rows[0]:
        assert rows[0][place].per_s == pytest.approx(rows[1][place].per_s, rel=1e-9)


@pytest.mark.parametrize("mode", ["ecc", "bypass", "reclaim"])
def test_the_host_has_the_link_and_the_controller_has_not(mode):
    slow = load_device("tlc", ["host={link: pcie, generation: 3, lanes: 1}"])
    found = answers(slow, Work(LAYERS), (mode,), host=100.0, controller=100.0)
    free = read_timing(replace(slow, host=type(slow.host)()), mode).read_bandwidth_mb_s
    assert found["host", mode].weights_gb_s == pytest.approx(0.8729, rel=1e-3)
    assert found["host", mode].limited_by == "host"
    assert found["controller", mode].weights_gb_s == pytest.approx(free / 1000, rel=1e-12)
    assert found["controller", mode].limited_by == "bus"


def test_stall_share_and_rate_by_hand():
    """7 GB/s, 2 MB and 100 MB; 1 Top/s: 1.8 ms for the first layer, 0.1 ms for the second."""
    device = load_device("tlc", ["host.bandwidth_gb_s=7"])
    row = answers(device, Work(LAYERS), host=1.0)["host", "ecc"]
    load, compute = (2e6 / 7e9, 1e8 / 7e9), (2 * 9e8 / 1e12, 2 * 5e7 / 1e12)
    time = max(load[1], compute[0]) + max(load[0], compute[1])
    assert (row.load_s, row.compute_s, row.time_s) == pytest.approx((sum(load), sum(compute), time), rel=1e-6)
    assert row.stall == pytest.approx(1 - sum(compute) / time, rel=1e-6)
    assert row.per_s == pytest.approx(1 / time, rel=1e-6)
    batch = answers(device, Work(LAYERS, batch=100), host=1.0)["host", "ecc"]
    time = max(load[1], 100 * compute[0]) + max(load[0], 100 * compute[1])
    assert (batch.per_s, batch.limited_by) == (pytest.approx(100 / time, rel=1e-6), "compute")


def test_in_the_die_a_layer_takes_whole_reads_of_all_planes():
    """32 dies x 4 planes x (16384 + 2208) bytes in 40 us on average: 2 MB are one read, 100 MB are 43."""
    assert sense_bytes(TLC) == 128 * 18592
    assert sensed_mb_s(TLC) == pytest.approx(128 * 18592 / 40)
    row = answers(TLC, Work(LAYERS), die=None)["die", "in-die"]
    assert row.time_s == pytest.approx((1 + 43) * 40e-6)
    assert (row.stall, row.uber, row.limited_by, row.compute_s) == (None, None, "die", 0)
    slow = answers(TLC, Work(LAYERS), die=1.0)["die", "in-die"]
    assert slow.time_s == pytest.approx(max(40e-6, 1.8e-3) + max(43 * 40e-6, 1e-4))


def test_ecc_answers_with_its_uber_and_the_rest_with_raw_errors():
    age = TLC.condition("beyond")
    rates = device_rates(TLC, age)
    rows = inferences(TLC, age, Work(LAYERS), tflops={"host": None, "die": None})
    assert {row.mode: (row.rber, row.uber) for row in rows} == {
        "ecc": (rates.mean, final_uber(TLC, rates)),
        "bypass": (rates.mean, None),
        "reclaim": (rates.mean, None),
        "in-die": (rates.mean, None),
    }


def test_ten_times_the_weights_take_ten_times_as_long_and_no_more_simulation():
    found = [answers(load_device("hbf"), Work(one_layer(7 * 10**size)), host=100.0) for size in (8, 9)]
    small, large = (row["host", "ecc"].time_s for row in found)
    assert large == pytest.approx(10 * small, rel=1e-12)


def test_the_steady_load_is_that_of_the_simulated_model():
    """Every page of 40 MB simulated from idle dies: only the first pages' wait and the last ones' way differ."""
    timing = read_timing(TLC, "bypass", model_bytes=40_000_000)
    steady_us = 40_000_000 / timing.read_bandwidth_mb_s
    assert 0 < timing.load_us - steady_us < 2 * max(TLC.timing.read_us) + 30


def test_a_model_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"must be at most the 4\.295e"):
        answers(load_device("pcm"), Work(one_layer(7 * 10**9)), host=1.0)


def test_layers_of_a_network_by_hand():
    assert layer_work(load_card("mnist-cnn")) == [
        ("conv1", 320, 9 * 32 * 26**2),
        ("conv2", 9248, 32 * 9 * 32 * 24**2),
        ("conv3", 18496, 32 * 9 * 64 * 10**2),
        ("conv4", 36928, 64 * 9 * 64 * 8**2),
        ("fc5", 262400, 1024 * 256),
        ("fc6", 2570, 2560),
    ]


def test_layers_of_a_recurrent_network_by_hand():
    """498 outputs of the convolution, pooled by four: 124 steps."""
    assert layer_work(load_card("imdb-lstm")) == [
        ("embedding", 160_000, 0),
        ("conv1", 3104, 3 * 32 * 32 * 498),
        ("lstm", 53_200, (32 * 400 + 100 * 400) * 124),
        ("fc", 101, 100),
    ]


def test_a_file_of_layers(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("layers:\n- {name: a, shape: [3, 4], repeat: 2}\n- {shape: [8, 3, 3], uses: 10}\n")
    assert read_layers(path) == (LayerShape("a", 12, 12), LayerShape("a", 12, 12), LayerShape("layers[1]", 72, 720))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", ["must be a mapping with one key, layers"]),
        ("layers: []", ["must be a mapping with one key, layers"]),
        ("layers: [4]", ["layers[0]: 4: must be a mapping with name, shape, uses, repeat"]),
        (
            "layers:\n- {shape: [3, -4], repeat: 0}\n- {shapes: [3]}",
            [
                "layers[0].shape: -4: must be a whole number",
                "layers[0].repeat: 0: must",
                "layers[1].shapes: unknown key",
            ],
        ),
    ],
)
def test_a_wrong_file_of_layers_is_refused_with_all_its_faults(tmp_path, text, said):
    path = tmp_path / "net.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_layers(path)
    for part in said:
        assert any(part in problem for problem in caught.value.problems), caught.value.problems


def test_the_command_answers_for_three_places_side_by_side(capsys):
    assert main(["inference", "hbf", "--model-size", "14e9", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["weights"] == 7_000_000_000 and found["tflops_assumed"] == ["host", "controller"]
    assert [(row["where"], row["mode"]) for row in found["rows"]] == [
        *((where, mode) for where in ("host", "controller") for mode in ("ecc", "bypass", "reclaim")),
        ("die", "in-die"),
    ]
    assert main(["inference", "hbf", "--weights", "7e9", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("where,mode,weights_gb_s") and len(lines) == 8
    assert float(lines[1].split(",")[6]) == found["rows"][0]["per_s"]
    assert main(["inference", "hbf", "--weights", "7e9", "--host-tflops", "0.001"]) == 0
    table = capsys.readouterr().out
    assert "tokens/s" in table and "all 2048 planes sense a page each at once, in 3 us" in " ".join(table.split())
    assert table.splitlines()[1].split()[-3:-2] == ["compute"]  # the user's number: no (a)


def test_in_the_die_only_the_sensing_time_decides():
    """TLC's read times are from a datasheet, how its pages leave the register is an assumption: no (a)."""
    work = Work(one_layer(7e9), 16, 1)
    row = answers(TLC, work, die=None)["die", "in-die"]
    assert TLC.is_assumption("timing.cache_read") and not TLC.is_assumption("timing.read_us")
    assert (row.limited_by, row.assumed) == ("die", False)
    guessed = replace(TLC, sources={**TLC.sources, "timing.read_us": "assumption: a guess"})
    assert answers(guessed, work, die=None)["die", "in-die"].assumed


def test_the_command_draws_its_answers(tmp_path, capsys):
    assert main(["inference", "tlc", "--weights", "7e9", "--modes", "ecc", "--out", str(tmp_path)]) == 0
    assert "tokens/s" in capsys.readouterr().out
    svg = (tmp_path / "inference.svg").read_text()
    assert "computed at the die (in-die)" in svg and svg.count("limited by") == 3
    assert len((tmp_path / "inference.csv").read_text().splitlines()) == 4
    assert len(json.loads((tmp_path / "inference.json").read_text())["rows"]) == 3


def test_the_command_names_every_fault(capsys):
    wrong = ["--where", "moon,die", "--modes", "", "--weights", "-1", "--die-tflops", "0", "--batch", "0"]
    assert main(["inference", "tlc", *wrong]) == 2
    said = capsys.readouterr().err
    for part in ("--where: 'moon'", "--modes: ''", "--weights: -1.0: must be", "--die-tflops: 0.0:", "--batch: 0:"):
        assert part in said
