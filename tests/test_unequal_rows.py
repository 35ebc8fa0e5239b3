"""Rows with ECC in part: their bytes, their time, their UBER, and that they count as rows with ECC."""

import csv
import io
import math
import re
from dataclasses import replace

import pytest
from example_study import named_ages, study
from ridge_network import ridge_model

import nvmsim
from nvmsim.device.ecc import page_failures
from nvmsim.device.profile import load_device
from nvmsim.device.rber import device_rates
from nvmsim.errors import InputError
from nvmsim.report.columns import columns
from nvmsim.report.figure_front import build as front
from nvmsim.report.figure_page_read import build as page_read
from nvmsim.report.findings import headline, notes
from nvmsim.report.study import figure_fronts, figure_heat, figure_span, figure_use
from nvmsim.report.study.figure_data import use_data
from nvmsim.report.study.figure_use import build as use
from nvmsim.report.study.findings import answer, front_title, heat_title, lifetime_title, longest, timing_title
from nvmsim.report.study.html import render_study_html
from nvmsim.report.study.layout import scheme_handles
from nvmsim.report.study.panels import panels_of
from nvmsim.report.study.table import render_study_csv, render_study_table
from nvmsim.study.grid.answers import best_of
from nvmsim.study.robustness import robustness
from nvmsim.study.tradeoff import Row
from nvmsim.timing.bounds import bounds_mb_s
from nvmsim.timing.read_path import read_timing

SCHEMES = "ecc,ecc/bits=15-12,ecc/layers=3,raw"
DEVICE = ("ecc.engines=3", "ecc.retry.max=2")


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    store = tmp_path_factory.mktemp("unequal") / "trials.sqlite"
    device = load_device("tlc", DEVICE)
    return nvmsim.run(device, model=ridge_model(), schemes=SCHEMES, trials=8, workers=1, store=store)


def row_of(result, scheme, mode) -> Row:
    return next(row for row in result.rows if (row.scheme, row.mode) == (scheme, mode))


@pytest.mark.parametrize("bare", ["bypass", "reclaim"])
@pytest.mark.parametrize("scheme", ["ecc/bits=15-12", "ecc/layers=3"])
def test_bytes_and_times_are_those_of_both_files(result, scheme, bare):
    ecc, raw, part = row_of(result, "ecc", "ecc"), row_of(result, "raw", bare), row_of(result, scheme, f"ecc+{bare}")
    last = ridge_model().tensors[2:]
    share = 4 / 16 if "bits" in scheme else sum(tensor.size for tensor in last) / part.n_weights
    assert 1 / part.bandwidth_gb_s == pytest.approx(share / ecc.bandwidth_gb_s + (1 - share) / raw.bandwidth_gb_s)
    mixed = share * ecc.storage_bytes_per_weight + (1 - share) * raw.storage_bytes_per_weight
    assert part.storage_bytes_per_weight == pytest.approx(mixed)
    causes = part.causes
    assert part.speedup == pytest.approx(math.prod((causes.bytes, causes.decoder, causes.retries, causes.host)))
    assert part.speedup == pytest.approx(part.bandwidth_gb_s / ecc.bandwidth_gb_s)
    device, bits = load_device("tlc", DEVICE), round(16 * share * part.n_weights)
    failures = page_failures(device, device_rates(device, device.condition()))
    files = {"ecc": -(-bits // 8), bare: -(-(16 * part.n_weights - bits) // 8)}
    loads = [read_timing(device, mode, page_failures=failures, model_bytes=size) for mode, size in files.items()]
    assert part.load_us == pytest.approx(sum(load.load_us for load in loads))
    assert part.loads_per_s == pytest.approx(1e6 / part.load_us)


def test_the_most_that_an_interleaving_reader_reaches_is_told_in_one_line(result):
    device = load_device("tlc", DEVICE)
    failures = page_failures(device, device_rates(device, device.condition()))
    every = {mode: bounds_mb_s(device, mode, page_failures=failures) for mode in ("ecc", "bypass")}
    share = 4 / 16
    most = min(1 / (share / every["ecc"][name] + (1 - share) / every["bypass"][name]) for name in every["ecc"])
    told = dict(notes(result))["in turn"]
    found = re.search(r"GB/s of weights: ([\d.]+) \(ecc\+bypass, bits=15-12\), ", told)
    assert float(found[1]) == pytest.approx(most / 1000, rel=2e-3)
    assert most / 1000 > 1.02 * row_of(result, "ecc/bits=15-12", "ecc+bypass").bandwidth_gb_s
    assert told.count(" (ecc+") == 4
    assert "in turn" not in dict(notes(replace(result, rows=[row for row in result.rows if not row.ecc_in_part])))


def test_ecc_for_all_bits_or_layers_is_to_be_called_ecc(tmp_path):
    for scheme, all_of_it in (("ecc/bits=0-15", "bits=15-0: all 16 bits of a word"), ("ecc/layers=1+3", "all layers")):
        with pytest.raises(InputError, match=f"{all_of_it}; leave"):
            nvmsim.run("tlc", model=ridge_model(), schemes=scheme, store=tmp_path / "trials.sqlite")


def test_uber_is_that_of_the_code_and_residual_errors_are_the_bare_part_s(result):
    ecc, raw = row_of(result, "ecc", "ecc"), row_of(result, "raw", "bypass")
    for row in result.rows:
        assert row.has_ecc == row.scheme.startswith("ecc")
        assert (row.uber, row.fails_uber) == ((ecc.uber, ecc.fails_uber) if row.has_ecc else (None, False))
    top = row_of(result, "ecc/bits=15-12", "ecc+bypass")
    assert top.rber_residual == pytest.approx(0.75 * raw.rber_residual, rel=0.05)


def test_only_rows_that_lie_alike_are_paired(result):
    parts = ("ecc/bits=15-12", "ecc/layers=3")
    groups = {row.paired_with for row in result.rows if row.scheme in parts}
    assert len(groups) == 4
    assert not groups & {row.paired_with for row in result.rows if row.scheme not in parts}


def test_a_part_with_ecc_is_no_row_without_it(result):
    best = best_of(result.rows, max_drop_points=100, lacking=[("ecc/bits=3", "ecc+bypass"), ("gray", "bypass")])
    assert best.free.scheme == "raw"
    assert (best.free_tried, best.open_rows) == (3, best_of(result.rows, max_drop_points=100).open_rows + 2)
    gains = [row.speedup for row in result.rows if row.scheme == "raw"]
    assert f"loads weights {min(gains):.2f}" in headline(result)


def test_the_page_and_its_figures_name_the_part(result):
    mode = next(column for column in columns(result, compact=True) if column.name == "mode")
    assert mode.cell(row_of(result, "ecc/layers=3", "ecc+reclaim")) == "ecc+reclaim"
    failing = replace(row_of(result, "ecc/layers=3", "ecc+reclaim"), fails_uber=True)
    assert mode.cell(failing) == "ecc+reclaim FAILS"
    for width_in in (3.6, 7.5):
        assert "ecc+bypass, bits=15-12" in page_read(result, width_in)[2]
        assert "ecc/layers=3 (ecc+reclaim)" in front(result, width_in)[2]


def of_study(part: bool):
    """The example study, in which schemes without ECC fit nowhere and ECC does, in part or as a whole."""
    made = study()
    settings = []
    for setting in made.measured:
        rows = [row for row in setting.result.rows if row.mode == "ecc"][:1]
        name, mode = ("ecc/bits=15-12", "ecc+bypass") if part else ("ecc", "ecc")
        kept = replace(rows[0], scheme=name, mode=mode, fails_uber=False, drop_low=0.0, drop_high=0.0, drop_points=0.0)
        raw = replace(kept, scheme="raw", mode="bypass", drop_points=50.0, drop_low=49.0, drop_high=51.0)
        both = (kept, raw)
        best = best_of(both, max_drop_points=made.max_drop_points)
        settings.append(replace(setting, result=replace(setting.result, rows=both), best=best))
    return replace(made, settings=tuple(settings))


def test_a_study_says_where_ecc_must_stay_for_a_part():
    said = answer(of_study(part=True))
    assert "ECC must stay for a part of the weights on " in said
    assert "ecc/bits=15-12 (ecc+bypass)" in said
    assert "for a part" not in answer(of_study(part=False))
    panels = panels_of(of_study(part=True))
    assert longest(panels, 1.0) is None and longest(panels, 60.0)[1].series == ("raw", "bypass")
    assert " with ECC in part" in timing_title(of_study(part=True))
    for told in (render_study_table(of_study(part=True), 200), render_study_html(of_study(part=True), ())):
        assert "read one after the other" in told
    assert "read one after the other" not in render_study_table(of_study(part=False), 200)


def with_rows(change, *, lacking=()):
    """The example study with other rows in every setting: ``change`` makes them of the ECC row."""
    made, settings = of_study(part=False), []
    for setting in made.measured:
        rows = change(setting.result.rows[0])
        best = best_of(rows, max_drop_points=made.max_drop_points, lacking=lacking)
        settings.append(replace(setting, result=replace(setting.result, rows=rows), best=best, lacking=lacking))
    return replace(made, settings=tuple(settings))


def part_of(ecc, *, speedup):
    bandwidth = ecc.bandwidth_gb_s * speedup
    return replace(ecc, scheme="ecc/bits=15-12", mode="ecc+bypass", speedup=speedup, bandwidth_gb_s=bandwidth)


def bare_of(ecc, *, low, high, speedup=1.0):
    speed = {"speedup": speedup, "bandwidth_gb_s": ecc.bandwidth_gb_s * speedup}
    drop = {"drop_low": low, "drop_points": (low + high) / 2, "drop_high": high}
    return replace(ecc, scheme="raw", mode="bypass", **drop, **speed)


def test_a_part_that_fits_but_is_no_faster_is_named():
    said = answer(with_rows(lambda ecc: (ecc, part_of(ecc, speedup=0.9), bare_of(ecc, low=49, high=51))))
    assert "; for a part of the weights (ecc/bits=15-12 (ecc+bypass)) is enough, but no faster." in said
    assert "ECC must stay on " in said


def test_a_part_that_fits_is_named_while_bare_rows_are_open():
    said = answer(with_rows(lambda ecc: (ecc, part_of(ecc, speedup=1.5), bare_of(ecc, low=0.5, high=51, speedup=2.0))))
    assert "ECC stays, if only for a part (ecc/bits=15-12 (ecc+bypass)), until more trials tell" in said
    assert "ECC stays, until" not in said


def test_a_study_of_ecc_alone_says_what_a_part_gains():
    made = with_rows(lambda ecc: (ecc, part_of(ecc, speedup=1.5)))
    said = answer(made)
    assert said.startswith(
        "No scheme without ECC was asked for. ECC for a part of the weights alone surely loses at most"
    )
    assert "ecc/bits=15-12 (ecc+bypass), 1.50 times as fast." in said
    assert front_title(made) == lifetime_title(made, panels_of(made)) == "No scheme without ECC was asked for"


@pytest.mark.parametrize("width_in", [3.6, 7.5])
@pytest.mark.parametrize("build", [figure_heat.build, figure_span.build, figure_use.build])
def test_no_two_rows_of_a_figure_have_one_name(build, width_in):
    def rows(ecc):
        parts = [part_of(ecc, speedup=1.5)]
        for scheme in ("ecc/bits=15-13", "ecc/bits=15-13+9", "ecc/layers=conv1+fc5", "ecc/layers=conv1+fc6"):
            parts += [replace(parts[0], scheme=scheme, mode=f"ecc+{mode}") for mode in ("bypass", "reclaim")]
        return (ecc, bare_of(ecc, low=0.0, high=0.1), *parts)

    for axes in build(with_rows(rows), width_in)[0].axes:
        names = [label.get_text() for label in axes.get_yticklabels() if label.get_text()]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("parts", "lacking", "where"),
    [
        ([{"speedup": 1.5, "low": 0.5, "high": 2.0}], (), "a part may do"),
        ([], (("ecc/bits=15", "ecc+bypass"),), "a part may do"),
        ([{"speedup": 0.9, "low": 0.5, "high": 2.0}], (), "all of it"),  # were it to fit, it would be no faster
        ([{"speedup": 1.5, "low": 2.0, "high": 3.0}], (), "all of it"),  # it surely loses too much
        ([], (), "all of it"),
    ],
)
def test_ecc_must_stay_for_all_weights_unless_a_faster_part_may_fit(parts, lacking, where):
    def rows(ecc):
        lossy = [part_of(bare_of(ecc, low=p["low"], high=p["high"]), speedup=p["speedup"]) for p in parts]
        return (ecc, bare_of(ecc, low=49, high=51), *lossy)

    said = answer(with_rows(rows, lacking=lacking))
    assert ("ECC must stay, for all weights or a part of them, on " in said) == (where == "a part may do")
    assert ("ECC must stay on " in said) == (where == "all of it")


def test_only_settings_that_need_no_ecc_are_marked_free_and_the_heat_map_s_title_is_of_bare_rows():
    needs = with_rows(lambda ecc: (ecc, part_of(ecc, speedup=1.5), bare_of(ecc, low=49, high=51)))
    assert "class=free" not in render_study_html(needs, ())
    assert heat_title(needs, panels_of(needs)) == ("At the last age without ECC: raw (bypass) loses 50.00 points")
    without = with_rows(lambda ecc: (ecc, replace(bare_of(ecc, low=0, high=0), bandwidth_gb_s=2 * ecc.bandwidth_gb_s)))
    assert render_study_html(without, ()).count("class=free") == len(without.measured)


def modes_of(ecc, *, part=None):
    """Two schemes in each bare mode, and a scheme with ECC in part whose speed lies between those."""
    bare = [
        replace(bare_of(ecc, low=0, high=1), scheme=scheme, mode=mode, bandwidth_gb_s=speed * ecc.bandwidth_gb_s)
        for scheme in ("raw", "nulling")
        for mode, speed in (("bypass", 1.2), ("reclaim", 1.4))
    ]
    return (ecc, *bare, *([] if part is None else [part_of(ecc, speedup=part)]))


def test_rows_with_ecc_in_part_leave_the_paths_of_bare_modes_where_they_are():
    def places(outcome):
        axes = figure_fronts.build(outcome, 7.5)[0].axes[0]
        return [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 4][1:5]

    bare, beside = places(with_rows(modes_of)), places(with_rows(lambda ecc: modes_of(ecc, part=1.201)))
    assert bare == beside and len({path[0] for path in bare}) == 4


def test_weights_in_spare_bytes_are_dashed_with_ecc_in_part_too():
    def rows(ecc):
        return (ecc, *(replace(part_of(ecc, speedup=1.5), mode=f"ecc+{mode}") for mode in ("bypass", "reclaim")))

    panels = panels_of(with_rows(rows))
    lines = {
        line.get_label(): line.get_linestyle() for line in scheme_handles(panels, {"ecc": "k", "ecc/bits=15-12": "b"})
    }
    assert [lines[f"mode {mode}"] for mode in ("ecc", "ecc+bypass", "ecc+reclaim")] == ["-", "-", "--"]


def test_bars_of_use_are_a_network_s_own_where_layers_have_ecc_and_their_data_join_with_the_rows():
    made = with_rows(
        lambda ecc: (ecc, part_of(ecc, speedup=1.5), replace(part_of(ecc, speedup=2), scheme="ecc/layers=a"))
    )
    said = use(made, 7.5)[2]
    for device in ("tlc", "qlc"):
        assert all(f"{device}, {model}, ecc+bypass, layers=a" in said for model in ("mnist-cnn", "cifar10-vgg"))
        assert f"{device}, ecc+bypass, bits=15-12" in said
    rows = list(csv.DictReader(io.StringIO(render_study_csv(made))))
    keys = ("device", "pe_cycles", "retention_days", "model", "scheme", "mode")
    data = list(csv.DictReader(io.StringIO(use_data(made))))
    assert len(data) == 2 * (2 + 2)
    for line in data:
        (row,) = [row for row in rows if all(row[key] == line[key] for key in keys)]
        assert (row["bottleneck"], row["utilisation_bus"]) == (line["bottleneck"], line["busy_bus"])
    (line, *_) = csv.DictReader(io.StringIO(use_data(named_ages())))  # neither varies there
    assert (line["device"], line["model"], line["condition"]) == ("tlc", "mnist-cnn", "beyond")


def test_a_study_says_where_a_part_may_do():
    made = of_study(part=False)
    settings = []
    for setting in made.measured:
        part = replace(setting.result.rows[0], scheme="ecc/bits=15", mode="ecc+bypass", drop_high=30.0)
        rows = (*setting.result.rows, replace(part, bandwidth_gb_s=2 * part.bandwidth_gb_s))
        settings.append(replace(setting, best=best_of(rows, max_drop_points=made.max_drop_points)))
    said = answer(replace(made, settings=tuple(settings)))
    assert "ECC must stay, for all weights or a part of them, on " in said
    assert "ECC must stay on" not in said
    assert "ecc+bypass, bits=15-12" in use(of_study(part=True), 7.5)[2]
    assert use(of_study(part=True), 3.6)


def test_the_device_must_hold_both_files(tmp_path):
    one = [f"geometry.{key}=1" for key in ("channels", "dies_per_channel", "planes_per_die", "blocks_per_plane")]
    small = load_device("tlc", [*one, "geometry.pages_per_block=7"])
    with pytest.raises(InputError) as caught:
        nvmsim.run(small, model=ridge_model(), schemes="ecc,ecc/bits=15-13", store=tmp_path / "trials.sqlite")
    assert caught.value.problems == ("tlc: has 7 pages; ridge as ecc/bits=15-13 takes 8",)


def test_where_there_is_no_ecc_a_part_has_none_either(tmp_path):
    with pytest.raises(InputError, match="R is of reads without ECC"):
        robustness(ridge_model(), schemes=["ecc/bits=15"], store=tmp_path / "trials.sqlite")


def test_a_slow_part_that_fits_hides_no_faster_one_that_may():
    def rows(ecc):
        faster = replace(part_of(ecc, speedup=1.5), scheme="ecc/bits=15", drop_low=0.5, drop_points=1, drop_high=2)
        return ecc, part_of(ecc, speedup=0.9), faster, bare_of(ecc, low=49, high=51)

    said = answer(with_rows(rows))
    assert "ECC must stay, for all weights or a part of them, on " in said and "no faster" not in said


def test_bare_rows_that_are_open_but_no_faster_ask_for_no_more_trials():
    said = answer(with_rows(lambda ecc: (ecc, bare_of(ecc, low=0.5, high=51))))
    assert "without it weights would be read no faster." in said and "until more trials tell" not in said


def test_a_slow_part_is_no_answer_while_a_faster_bare_row_is_open():
    bare = {"bandwidth_gb_s": 1e3, "speedup": 9.0}
    rows = with_rows(lambda ecc: (ecc, part_of(ecc, speedup=0.9), replace(bare_of(ecc, low=0.5, high=51), **bare)))
    assert "if only for a part" not in answer(rows) and "ECC stays, until more trials tell" in answer(rows)


def test_without_bare_schemes_ecc_for_all_weights_may_be_the_answer():
    said = answer(with_rows(lambda ecc: (ecc, part_of(ecc, speedup=0.9))))
    assert "ECC for all weights is the fastest that surely loses at most 1 point on " in said
    unsure = answer(with_rows(lambda ecc: (ecc, replace(part_of(ecc, speedup=1.5), drop_low=0.5, drop_high=2))))
    assert "; ECC for a part may be faster." in unsure and "at most 1 point so far on " in unsure
