"""Which layers and bits hurt: against brute force over every word, and as a user meets it."""

import csv
import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from ridge_network import ridge_model

from nvmsim import cli
from nvmsim.accuracy import executor
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.collect import Interrupted
from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.trial import disturbed, draw_noise
from nvmsim.encoding.base import Range
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend, image_order
from nvmsim.report.figure_sensitivity import build
from nvmsim.report.formats import points
from nvmsim.report.sensitivity import headline, render_csv, render_table, write_sensitivity
from nvmsim.study.sensitivity import sensitivity
from nvmsim.zoo.network import Network

MODEL = ridge_model()
ASKED = {"rber": 0.1, "bits": (3, 15, 14), "trials": 3, "images": 900, "seed": 5, "workers": 1}


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    path = tmp_path_factory.mktemp("usual") / "trials.sqlite"
    return path, sensitivity(MODEL, store=path, **ASKED)


@pytest.fixture(scope="module")
def whole_flips():
    """The flips of every stored word in each trial of the whole network, uint32[trials, n_weights]."""
    task = bsc_task(MODEL, "binary:16", rber=ASKED["rber"], seed=ASKED["seed"])
    compiled = CompiledTask(task, MODEL.weights, slot=Slot(Network(MODEL)), backend=get_backend("reference"))
    compiled.load()
    written, flips = compiled.parts[0].image.read(slice(None)), []
    for trial in range(ASKED["trials"]):
        with disturbed(compiled, draw_noise(compiled, trial)):
            flips.append(written ^ compiled.parts[0].image.read(slice(None)))
    return np.array(flips)


def right_answers(weights, order):
    """Classify with numpy alone: whether each image, in order, is right."""
    parts = [weights[t.start : t.start + t.size].reshape(t.shape) for t in MODEL.tensors]
    hidden = np.maximum(MODEL.images.reshape(len(MODEL.images), -1) @ parts[0].T + parts[1], 0)
    return ((hidden @ parts[2].T + parts[3]).argmax(1) == MODEL.labels)[order]


def of_layer(name):
    return np.concatenate([np.full(t.size, name in (None, t.module)) for t in MODEL.tensors])


def test_every_cell_is_what_brute_force_over_all_words_gives(usual, whole_flips):
    result, order = usual[1], image_order(ASKED["seed"], 2000)
    encoding, span = make_encoding("binary:16"), Range.of(MODEL.weights)
    words, clean = encoding.encode(MODEL.weights, span), right_answers(MODEL.weights, order)
    assert result.float32_accuracy == clean.mean()
    assert len(result.cells) == (len(result.layers) + 1) * 4
    for cell in result.cells:
        mask = of_layer(cell.layer) * np.uint32(0xFFFF if cell.bit is None else 1 << cell.bit)
        damaged = [words ^ flips & mask for flips in whole_flips]
        shares = [right_answers(encoding.decode(w, span).values, order)[:1000].sum() for w in damaged]
        accuracy = clean.mean() * np.mean(shares) / clean[:1000].sum()
        assert cell.drop_points == pytest.approx(100 * (clean.mean() - accuracy), abs=0.05)  # a near tie in 3,000
        assert cell.flips == np.mean([np.bitwise_count(flips & mask).sum() for flips in whole_flips])
        assert cell.exposed_bits == np.count_nonzero(of_layer(cell.layer)) * (16 if cell.bit is None else 1)
        assert cell.drop_low <= cell.drop_points <= cell.drop_high
        assert (cell.trials, cell.images) == (3, 1000)
    assert result.ranked[0].drop_points > 10


def test_layers_come_in_the_networks_order_and_bits_from_the_top(usual):
    result = usual[1]
    assert (result.layers, result.layer_weights) == (("1", "3"), (784 * 64 + 64, 650))
    assert (result.bits, result.bit_roles) == ((15, 14, 3), ("value",) * 3)
    assert result.ranked[0] is max(result.cells[1:4] + result.cells[5:8], key=lambda cell: cell.drop_points)


def test_work_goes_layer_by_layer_so_that_activations_are_reused(tmp_path, monkeypatch):
    seen, run = [], executor.InProcess.run

    def watched(self, works):
        seen.extend(work.task.layers for work in works if work.task.encoding != "float32")
        return run(self, works)

    monkeypatch.setattr(executor.InProcess, "run", watched)
    sensitivity(MODEL, store=tmp_path / "s.sqlite", **ASKED | {"trials": 1, "images": 500})
    assert list(dict.fromkeys(seen)) == [("1",), ("3",), ()]
    assert seen == sorted(seen, key=[("1",), ("3",), ()].index)


def test_a_second_call_measures_nothing_and_a_part_is_a_part(usual, monkeypatch):
    path, result = usual
    monkeypatch.setattr("nvmsim.accuracy.collect.make_executor", lambda *_, **__: pytest.fail("the store knew it all"))
    assert sensitivity(MODEL, store=path, **ASKED) == result
    part = sensitivity(MODEL, store=path, **ASKED | {"layers": ("3",), "bits": (15,)})
    places = [(layer, bit) for layer in ("3", None) for bit in (None, 15)]
    assert {(cell.layer, cell.bit): cell for cell in part.cells} == {place: result.cell(*place) for place in places}


def interrupted_after(pieces):
    run = executor.InProcess.run

    def cut(self, works):
        for number, done in enumerate(run(self, works)):
            yield done
            if number == pieces:
                raise KeyboardInterrupt

    return cut


@pytest.mark.parametrize("pieces", [0, 7])
def test_an_interrupted_study_goes_on_to_the_same_result(usual, tmp_path, monkeypatch, pieces):
    path = tmp_path / "trials.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(executor.InProcess, "run", interrupted_after(pieces))
        with pytest.raises(Interrupted, match=r"trials\.sqlite: run again to go on"):
            sensitivity(MODEL, store=path, **ASKED)
    assert sensitivity(MODEL, store=path, **ASKED) == usual[1]


def test_all_problems_come_at_once(tmp_path):
    with pytest.raises(InputError) as caught:
        sensitivity(MODEL, store=tmp_path / "s", layers=("1", "conv9"), bits=(16, -1, 2), rber=0.7, trials=0, images=0,
                    range_scope="column", seed=-1, workers=0)  # fmt: skip
    text = str(caught.value)
    known = ("--layers: 'conv9': unknown; known are 1, 3", "--bits: 16: words of binary:16 have bits 0", "--bits: -1")
    for said in (*known, "--rber: 0.7", "--trials: 0", "--images: 0", "--range-scope: 'column'", "--seed", "--workers"):
        assert said in text
    for scheme, said in {"ecc": "not corrected", "blue": "--scheme: encoding 'blue': unknown"}.items():
        with pytest.raises(InputError, match=said):
            sensitivity(MODEL, store=tmp_path / "s", scheme=scheme)
    with pytest.raises(InputError, match="wrap a torch module"):
        sensitivity(torch.nn.Linear(2, 2), store=tmp_path / "s")
    assert not list(tmp_path.iterdir())


def test_more_images_than_there_are_mean_all(tmp_path):
    result = sensitivity(MODEL, store=tmp_path / "s", **ASKED | {"images": 10**6, "trials": 1, "layers": ("3",)})
    assert result.images == 2000


def test_the_text_says_the_answer_and_every_number(usual):
    result = usual[1]
    worst, second = result.ranked[:2]
    assert headline(result).startswith(f"{worst.layer} bit {worst.bit} hurts most: {worst.drop_points:.2f} points")
    assert f"Next is {second.layer} bit {second.bit}" in headline(result)
    for width in (150, 50):
        text = render_table(result, width, report="there.svg")
        assert max(map(len, text.splitlines())) <= width
        for cell in result.cells:
            row = [line for line in text.splitlines() if line.startswith(cell.layer or "all layers")]
            assert any(points(cell.drop_points) in line.split() for line in row)
        assert "there.svg" in text
    rows = list(csv.DictReader(io.StringIO(render_csv(result))))
    assert [float(row["drop_points"]) for row in rows] == [cell.drop_points for cell in result.cells]
    assert (rows[0]["layer"], rows[0]["bit"], rows[-1]["layer"], rows[-1]["bit"]) == ("1", "", "", "")


def test_the_folder_holds_the_heat_map_with_its_numbers_in_words(usual, tmp_path):
    result = usual[1]
    picture = write_sensitivity(result, tmp_path / "out")
    assert sorted(path.name for path in picture.parent.iterdir()) == [f"sensitivity.{e}" for e in
                                                                      ("csv", "json", "png", "svg")]  # fmt: skip
    root = ElementTree.fromstring(picture.read_text())
    spoken = root.findtext("{*}desc")
    assert root.get("role") == "img" and root.findtext("{*}title") in headline(result)
    for cell in result.cells:
        bit = "all bits" if cell.bit is None else f"bit {cell.bit}"
        assert re.search(rf"{cell.layer or 'all layers'}: [^;]*{bit} {points(cell.drop_points)}\b", spoken)
    assert (picture.parent / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    first = picture.read_bytes()
    assert write_sensitivity(result, tmp_path / "out").read_bytes() == first
    assert json.loads((tmp_path / "out" / "sensitivity.json").read_text())["rber"] == 0.1


def test_parts_of_a_word_are_named_above_it(tmp_path):
    few = {"rber": 0.01, "layers": ("3",), "trials": 1, "workers": 1}
    result = sensitivity(MODEL, scheme="fp16+nulling", store=tmp_path / "s", **few)
    axes = build(result)[0].axes[0]
    written = {text.get_text() for text in axes.texts}
    assert {"sign", "exponent", "mantissa", "parity"} <= written
    heading = next(line for line in render_table(result, 200).splitlines() if line.split()[:1] == ["flips"])
    assert heading.split() == ["flips", "sign", *["exp"] * 5, *["man"] * 9, "par", "all"]


def test_the_command_prints_and_writes_what_the_function_returns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["sensitivity", "mnist-cnn", "--layers", "fc6,conv1", "--bits", "15,8", "--trials", "1", "--workers", "1"]
    assert cli.main([*command, "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["layers"] == ["conv1", "fc6"] and printed["bits"] == [15, 8]
    folder = next((tmp_path / "nvmsim-results").glob("sensitivity-mnist-cnn-raw-*"))
    assert json.loads((folder / "sensitivity.json").read_text())["cells"] == printed["cells"]
    assert printed["command"].startswith("nvmsim sensitivity mnist-cnn --layers fc6,conv1")
    assert cli.main([*command, "--format", "csv"]) == 0
    assert capsys.readouterr().out == (folder / "sensitivity.csv").read_text()
    assert cli.main([*command, "--out", "here", "--store", "nvmsim-results/trials.sqlite"]) == 0
    assert str(next((tmp_path / "here").glob("*.svg")).relative_to(tmp_path)) in capsys.readouterr().out


def test_ctrl_c_on_the_command_line_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(executor.InProcess, "run", interrupted_after(1))
    assert cli.main(["sensitivity", "mnist-cnn", "--layers", "fc6", "--bits", "15", "--workers", "1"]) == 130
    assert "run again to go on" in capsys.readouterr().err


BAD = {("--bits", "15,x"): "'x'", ("--layers", "conv5"): "did you mean conv", ("--rber", "0"): "--rber"}


@pytest.mark.parametrize("option", BAD, ids=" ".join)
def test_bad_options_end_with_exit_code_2(tmp_path, monkeypatch, capsys, option):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["sensitivity", "mnist-cnn", *option]) == 2
    answer = capsys.readouterr()
    assert BAD[option] in answer.err and answer.out == ""
