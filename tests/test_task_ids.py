"""Ids of tasks that stores hold already: what a device does not use leaves no trace in them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nvmsim import cli_run
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.cli_arguments import build_parser
from nvmsim.device.profile import load_device
from nvmsim.errors import InputError
from nvmsim.study.question import Effort, ask, choose_condition
from nvmsim.study.rows import cases_of
from nvmsim.zoo.card import load_card

GOLDEN = json.loads((Path(__file__).parent / "golden" / "task_ids.json").read_text())


# The profile's code and page when the golden ids were written: another one is another task.
AS_WAS = {
    "reram": ("page.user_bytes=64", "page.spare_bytes=8"),
    "tlc": ("ecc.codeword_bytes=1024", "ecc.parity_bytes=128", "ecc.waterfall_decades=0.5", "ecc.retry.max=8"),
}


def question(name="tlc", **changes):
    device = load_device(name, [*AS_WAS.get(name, ()), *changes.pop("settings", ())])
    settings = {"schemes": ["ecc", "raw"], "range_scope": "global", "effort": Effort(), "seed": 0, **changes}
    age = choose_condition(device, None)
    return ask(device, load_card("mnist-cnn"), condition=age, rber=None, backend="cpu", workers=1, **settings)


def rows(name, **changes):
    return {f"{name} {case.scheme.name} {case.mode}": case.task.id for case in cases_of(question(name, **changes))}


@pytest.mark.parametrize("name", ["tlc", "slc", "reram"])
def test_rows_of_a_device_keep_their_ids(name):
    found = rows(name)
    assert found == {key: GOLDEN[key] for key in found}


def test_rows_with_ecc_in_part_keep_their_ids():
    found = rows("tlc", schemes=["ecc/bits=15-12", "ecc/layers=conv1+fc5"])
    assert found == {key: GOLDEN[key] for key in found}
    assert found == rows("tlc", schemes=["ecc/bits=12-15", "ecc/layers=fc5+conv1"])


def test_rows_placed_by_page_type_keep_their_ids():
    found = rows("tlc", schemes=["raw@bit-plane", "raw@layers=conv1+fc6", "ecc@layers=conv1"])
    assert found == {key: GOLDEN[key] for key in found}
    assert found == rows("tlc", schemes=["raw@bit-plane", "raw@layers=fc6+conv1+fc6", "ecc@layers=conv1"])


def test_the_paper_s_channel_keeps_its_ids():
    model = load_card("mnist-cnn")
    assert bsc_task(model, "binary:16", rber=0.012).id == GOLDEN["channel"]
    assert bsc_task(model, "hamming:16", rber=0.01, layers=("fc5",), bits=(15, 3)).id == GOLDEN["part of a channel"]


def test_what_is_not_used_leaves_no_trace():
    assert rows("tlc", device_seed=9) == rows("tlc")


def test_what_is_used_does():
    varied = {"settings": ["rber.page_variation={sigma: 0.4}"]}
    ids = [rows("tlc"), rows("tlc", **varied), rows("tlc", **varied, device_seed=9)]
    assert len({one["tlc raw bypass"] for one in ids}) == len({one["tlc ecc ecc"] for one in ids}) == 3


def asked(*typed):
    options = build_parser().parse_args(["run", "slc", *typed])
    return cli_run._question(options), options


def test_the_command_asks_what_is_typed():
    plain, _ = asked()
    assert (plain.device_seed, plain.reads_per_inference) == (0, 0)
    typed = ("--device-seed", "5", "--reads-per-inference", "1", "--set", "rber.per_read_fraction=0.5")
    question, _ = asked(*typed)
    assert (question.device_seed, question.reads_per_inference) == (5, 1)
    assert question.rates.per_read_fraction == 0.5
    with pytest.raises(InputError, match="--device-seed: -1: must be from 0"):
        asked("--device-seed", "-1")


def test_folders_keep_their_names_where_nothing_of_it_is_used():
    question, options = asked()
    assert set(cli_run._told(question.rates)) == {"by_page_type", "warnings"}
    assert not {"device_seed", "reads_per_inference"} & set(cli_run._told(question))
    names = {cli_run._folder(options, replace(question, device_seed=seed)) for seed in (0, 1)}
    assert len(names) == 2
    told = [cli_run._told(scheme) for scheme in question.schemes]
    assert all(set(one) == {"name", "encoding", "ecc", "placement"} for one in told)
