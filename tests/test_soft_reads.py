"""Soft reads and decoding that grows with the errors: profile, closed forms, trials, ids, and times by hand."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ridge_network import ridge_model, ridge_task
from scipy import stats
from test_bounds import systems
from test_timing import ONE_DIE, channel_like, full_load_us, trace
from test_timing_reference import read_costs

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.trial import draw_noise
from nvmsim.cli import main
from nvmsim.device.ages import ages
from nvmsim.device.ecc import codeword_errors, final_uber, make_ecc, page_failures
from nvmsim.device.json_schema import device_schema
from nvmsim.device.life import ecc_limits
from nvmsim.device.parts import EccSpec, Retry, Soft
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.study import timings
from nvmsim.study.timings import mode_timing
from nvmsim.timing.bounds import system_bounds
from nvmsim.timing.load import load_us
from nvmsim.timing.path import ReadPath
from nvmsim.timing.read_path import bandwidth_mb_s, read_timing
from nvmsim.timing.steady_state import steady_state
from nvmsim.timing.system import FS_PER_US, ReadCost, read_system
from nvmsim.zoo.network import Network

SOFT = "ecc.soft={limit_rber: 1.35e-2}"
GROWTH = "ecc.decode_growth_per_error=0.05"
WEAK = ["ecc.retry={max: 1, rber_factor: 0.6}"]
OLD = Rates(((0.03, 0.05), (0.05, 0.05), (0.01, 0.03)))
WORN = Rates(((0.02, 0.03), (0.025, 0.025), (0.01, 0.03)))
TABLE = ["ecc.code=ldpc-table", "ecc.table=qc-1024-128", "ecc.codeword_bytes=1024", "ecc.parity_bytes=128"]


def test_without_the_section_there_are_none():
    assert load_device("tlc").ecc.soft is None
    assert load_device("tlc@soft", ["ecc.soft=null"]).ecc == load_device("tlc", WEAK).ecc
    assert load_device("tlc@soft", ["ecc.soft.max=0"]).ecc.soft is None


def test_what_is_not_said_is_the_hard_decoder_s():
    ecc = load_device("tlc", [SOFT, "ecc.decode_latency_us=5", "ecc.decode_growth_per_error=0.1"]).ecc
    assert ecc.soft == Soft(1, 3, 2, 0.0135, 0.17, 5.0, 2.0, 0.1)
    assert load_device("tlc", [*TABLE, "ecc.soft={}"]).ecc.soft == Soft(1, 3, 2, None, None, 8.0, 2.0)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["ecc.code=bch", "ecc.t=40", SOFT], "ecc.soft: code bch has no soft input; must be left out"),
        (["ecc.code=hamming-secded", SOFT], "ecc.soft: code hamming-secded has no soft input"),
        (["ecc.code=none", SOFT], "ecc.soft: code none has no soft input"),
        (["ecc.soft={}"], "ecc.soft.limit_rber: missing: must be a number for soft reads with code ldpc"),
        (["ecc.soft={limit_rber: 5e-3}"], "ecc.soft.limit_rber: 0.005: must be at least ecc.limit_rber, 0.008"),
        (["ecc.soft={limit_rber: 0.1, waterfall_decades: 2}"], "ecc.soft.waterfall_decades: 2: must be at most 0.69"),
        ([*TABLE, "ecc.input=soft", "ecc.soft={}"], "ecc.soft: ecc.input is soft, so every read is; must be left out"),
        (["ecc.soft={limit_rber: 0.01, senses: 0}"], "ecc.soft.senses: 0: must be a whole number from 1 to 64"),
        (["ecc.soft={limit_rber: 0.01, sences: 3}"], "ecc.soft.sences: unknown key, did you mean ecc.soft.senses"),
        (["ecc.soft=3"], "ecc.soft: 3: must be a mapping with max, senses, transfers"),
        (["ecc.decode_growth_per_error=-1"], "ecc.decode_growth_per_error: -1: must be a number from 0"),
        ([GROWTH, "ecc.decode_growth_limit=0.5"], "ecc.decode_growth_limit: 0.5: must be a number from 1"),
    ],
)
def test_what_cannot_be_is_refused(keys, said):
    with pytest.raises(InputError, match=said):
        load_device("tlc", keys)


def test_the_schema_knows_the_section():
    valid = jsonschema.Draft202012Validator(device_schema()).is_valid
    for right in ({"max": 1, "senses": 3, "transfers": 2, "limit_rber": 0.0135, "source": "a paper"}, None):
        assert valid({"extends": "tlc", "ecc": {"soft": right}})
    for wrong in ({"senses": 0}, {"tranfers": 2}, 3):
        assert not valid({"extends": "tlc", "ecc": {"soft": wrong}})


def test_the_last_read_meets_the_errors_of_the_last_retry_with_the_soft_code():
    device, hard = load_device("tlc", [*WEAK, SOFT, "ecc.soft.max=2"]), load_device("tlc", WEAK)
    found = page_failures(device, WORN)
    assert found[:, :2].tolist() == page_failures(hard, WORN).tolist()
    soft = load_device("tlc", ["ecc.limit_rber=1.35e-2", "ecc.retry=null"])
    again = Rates(tuple(tuple(0.6 * rate for rate in pair) for pair in WORN.by_page_type))
    for attempt in (2, 3):
        assert found[:, attempt] == pytest.approx(page_failures(soft, again)[:, 0], rel=1e-9)
    assert (found[:, 1] > found[:, 2]).all()
    assert final_uber(device, WORN) == pytest.approx(final_uber(soft, again), rel=1e-9)
    assert final_uber(hard, WORN) > 10 * final_uber(device, WORN)


def test_tuned_levels_are_kept_for_soft_reads():
    device = load_device(
        "tlc-2y", ["rber.read_retry={steps: 2}", "ecc.retry.max=2", "ecc.soft={max: 2, limit_rber: 0.02}"]
    )
    tuned = ((0.02, 0.02),) * 3, ((0.01, 0.03),) * 3
    rates = Rates(((0.04, 0.04),) * 3, retries=tuned)
    wrong = codeword_errors(device, rates)
    assert wrong[0] == pytest.approx(make_ecc(device.ecc).codeword_bits * np.array([0.04, 0.02, 0.02, 0.02, 0.02]))


def test_a_soft_read_counts_in_the_limits_and_ages():
    device = load_device("tlc@soft")
    first, last = ecc_limits(device)
    assert (first, last) == (pytest.approx(8e-3, rel=1e-6), pytest.approx(1.35e-2 / 0.6, rel=1e-6))
    beyond = ages(device)[-1]
    assert beyond.retried > 1e-3 > beyond.soft > 0
    assert ages(load_device("tlc"))[-1].soft is None


def test_the_tables_of_both_inputs_decode_a_page_s_reads():
    device = load_device("tlc", [*TABLE, "ecc.retry=null", "ecc.soft={}"])
    hard, soft = make_ecc(device.ecc).codes
    one = load_device("tlc", [*TABLE, "ecc.input=soft"])
    assert soft.failure(150) == make_ecc(one.ecc).failure(150) < 1e-1 < hard.failure(150)
    assert soft.decoder == f"{make_ecc(one.ecc).decoder} or hard" and hard.decoder not in soft.decoder


RBER = 0.075
LDPC = EccSpec("ldpc", 64, 9, None, 2e-3, 1.0, 1e-6, 1, 1.0, 1.0, Retry(1, 0.9))
SOFTER = replace(LDPC, soft=Soft(1, 3, 2, 6e-3, 1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def slot():
    return Slot(Network(ridge_model()))


def compiled(slot, ecc, **changes):
    task = ridge_task(rber=RBER, mode="ecc", ecc=ecc, **changes)
    return CompiledTask(task, ridge_model().weights, slot=slot, backend=get_backend("cpu"))


def test_codewords_of_a_trial_fail_as_often_as_the_soft_code_says(slot):
    task, trials = compiled(slot, SOFTER), 70
    words = trials * task.parts[0].image.pages * 8
    failed = sum(draw_noise(task, trial)[0].failed_codewords for trial in range(trials))
    # Codewords fail independently, and those of a page end with its last read: wrong there, and in every read before.
    soft = make_ecc(SOFTER).codes[-1].codeword_failure(0.9 * RBER)
    assert stats.binomtest(failed, words, soft).pvalue > 1e-6
    for off in (0.98, 1.02):
        assert stats.binomtest(failed, words, soft * off).pvalue < 1e-6
    hard = compiled(slot, LDPC)
    assert sum(draw_noise(hard, trial)[0].failed_codewords for trial in range(3)) > 3 * failed / trials
    assert soft < task.facts.change_bound


def test_a_soft_read_leaves_errors_of_the_last_retry_and_no_others(slot):
    soft, hard = compiled(slot, SOFTER), compiled(slot, LDPC)
    for trial in range(3):
        left, before = draw_noise(soft, trial)[0].wrong, draw_noise(hard, trial)[0].wrong
        assert 0 < len(left) < len(before) and set(left.tolist()) < set(before.tolist())
    assert soft.task.rates_at(2).tolist() == soft.task.rates_at(1).tolist()


def test_the_id_has_what_changes_the_result_and_nothing_else(slot):
    def ident(**changes):
        return ridge_task(rber=RBER, mode="ecc", ecc=replace(LDPC, soft=replace(SOFTER.soft, **changes))).id

    plain = ridge_task(rber=RBER, mode="ecc", ecc=LDPC).id
    assert plain != ident()
    assert len({ident(), ident(limit_rber=7e-3), ident(waterfall_decades=0.9), ident(max=2)}) == 4
    speed = {"senses": 7, "transfers": 4, "decode_latency_us": 9.0, "decode_bandwidth_gb_s": 3.0}
    assert {ident(**{key: value}) for key, value in speed.items()} == {ident()}
    assert ident(decode_growth_per_error=0.1) == ident(decode_growth_limit=20.0) == ident()
    assert ridge_task(rber=RBER, mode="ecc", ecc=replace(LDPC, decode_growth_per_error=0.1)).id == plain


def test_the_id_of_a_table_s_soft_reads_has_their_counts():
    ecc = load_device("tlc", [*TABLE, "ecc.soft={}"]).ecc
    said = ridge_task(rber=RBER, mode="ecc", ecc=ecc).identity["ecc"]
    counts = make_ecc(replace(ecc, input="soft", soft=None)).decoder
    assert said["soft"]["decoder"] == f"{counts} or hard" and counts != said["decoder"]


def test_a_soft_read_by_hand():
    """One page, decoding 2 us, latency 3 us: after the failed hard read three sensings, two transfers, 4 + 1 us."""
    costs = ((ReadCost(1, 1, 2 * FS_PER_US, 3 * FS_PER_US), ReadCost(3, 2, 4 * FS_PER_US, FS_PER_US)),)
    system = replace(ONE_DIE, engines=1, retries=((1.0,),), costs=costs)
    assert trace(system, 1) == [
        (0, 1, "command", 0),
        (11, 15, "data", 0),  # fails at 20
        (20, 21, "command", 0),
        (51, 55, "data", 0),
        (55, 59, "data", 0),
    ]
    assert full_load_us(system, 1) == 64


def test_a_command_goes_between_two_transfers_of_a_soft_read():
    costs = ((ReadCost(1, 1, 0, 0), ReadCost(1, 2, 0, 0)),)
    system = replace(ONE_DIE, dies_per_channel=2, engines=2, retries=((1.0,),), costs=costs)
    fair = [what for _, _, what, _ in trace(system, 4)]
    data_first = [what for _, _, what, _ in trace(replace(system, command_first=False), 4)]
    assert fair != data_first and sorted(fair) == sorted(data_first)
    # Two first reads of two pages a die, and four soft reads of two transfers.
    assert (fair.count("command"), fair.count("data")) == (8, 12)


EACH = ReadCost(1, 1, 8_192_000_000, 8 * FS_PER_US)
SYSTEMS = {
    "every page read softly": channel_like(
        retries=((1.0, 1.0),) * 3, costs=((EACH, EACH, ReadCost(3, 2, 9 * FS_PER_US, 20 * FS_PER_US)),) * 3
    ),
    "one page type read softly": channel_like(
        retries=((0.0,), (1.0,), (0.0,)), costs=((EACH, ReadCost(5, 3, FS_PER_US, 0)),) * 3
    ),
    "page types decode unequally": channel_like(
        engines=2, costs=tuple((ReadCost(1, 1, us * FS_PER_US, 2 * us * FS_PER_US),) for us in (3, 7, 4))
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_extension_and_steady_bandwidth_equal_the_long_run(name):
    system = SYSTEMS[name]
    assert steady_state(system).relative_error == 0
    assert load_us(system, 9_001) == pytest.approx(full_load_us(system, 9_001), rel=1e-6)
    slope = 7_200 * system.page_bytes / (full_load_us(system, 12_000) - full_load_us(system, 4_800))
    assert bandwidth_mb_s(system) == pytest.approx(slope, rel=1e-4)


@st.composite
def costly(draw):
    """Draw a path whose pages are read again, surely or by chance, each read with a cost of its own."""
    system = draw(systems())
    made = st.lists(
        st.sampled_from([0.0, draw(st.sampled_from([1.0, 1.0, 1.0, 0.3])), 1.0]), min_size=2, max_size=2
    ).map(lambda row: sorted(row, reverse=True))
    retries = tuple(tuple(draw(made)) for _ in range(system.types))
    costs = draw(read_costs(system.types, 3))
    return replace(system, engines=max(1, system.engines), retries=retries, costs=costs)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(costly())
def test_no_bound_is_ever_passed_by_soft_reads(system):
    error = steady_state(system).relative_error
    assert bandwidth_mb_s(system) <= min(system_bounds(system).values()) * (1 + 1e-9 + 2 * error)


def test_soft_reads_cost_what_the_bounds_say_where_one_resource_rules():
    costs = ((ReadCost(1, 1, FS_PER_US, 0), ReadCost(3, 2, FS_PER_US, 0)),)
    system = replace(ONE_DIE, planes=2, engines=8, retries=((0.5,),), costs=costs)
    group_us = (1 + 10 + 2 * 4) + 2 * 0.5 * (1 + 3 * 10 + 2 * 4)
    assert system_bounds(system)["die"] == pytest.approx(2 * 4000 / group_us, rel=1e-12)
    assert bandwidth_mb_s(system) == pytest.approx(2 * 4000 / group_us, rel=5e-3)
    slow = replace(system, engines=1, costs=((ReadCost(1, 1, 40 * FS_PER_US, 0), ReadCost(3, 2, 90 * FS_PER_US, 0)),))
    assert bandwidth_mb_s(slow) == pytest.approx(4000 / (40 + 0.5 * 90), rel=5e-3)


def test_stages_of_soft_reads_add_up_to_a_page_in_flight():
    """Little's law, as for first reads: no stage of a soft read is counted twice or left out."""
    device = load_device("tlc@soft", ["geometry.channels=2"])
    failures = np.ones((3, 3))
    timing = read_timing(device, "ecc", page_failures=failures)
    system = read_system(device, "ecc", failures)
    path, page_fs, rounds = ReadPath(system), 0, steady_state(system).rounds
    for _ in range(30):
        path.run_to_milestone()
    begin_fs, end = path.clock.now, path.dies[0].group + rounds
    while path.dies[0].group < end:  # one period
        in_flight = sum(system.credit_groups * system.planes - die.credits for die in path.dies)
        since_fs = path.clock.now
        path.clock.step()
        page_fs += in_flight * (path.clock.now - since_fs)
    expected = timing.read_bandwidth_mb_s / system.page_bytes * sum(timing.page_read_us.values())
    assert rounds > 0 and page_fs / (path.clock.now - begin_fs) == pytest.approx(expected, rel=1e-9)
    assert timing.page_read_us["sense"] == pytest.approx((1 + 1 + 3) * 40)
    assert timing.page_read_us["transfer"] == pytest.approx((1 + 1 + 2) * (16384 + 2208) / 1600)


def test_growth_takes_longer_by_the_mean_errors_of_a_codeword():
    device = load_device("tlc", [GROWTH, "ecc.engines=1", "host.bandwidth_gb_s=null"])
    rates = Rates(((1e-3, 3e-3),) * 3)
    wrong = 8 * (4096 + 512) * 2e-3
    assert codeword_errors(device, rates)[:, :2] == pytest.approx(np.array([[wrong, 0.6 * wrong]] * 3))
    timing = read_timing(device, "ecc", codeword_errors=codeword_errors(device, rates))
    longer = 1 + 0.05 * wrong
    assert timing.read_bandwidth_mb_s == pytest.approx(2000 / longer, rel=1e-6)
    assert timing.page_read_us["decode"] == pytest.approx((16384 / 2000 + 8) * longer)
    assert read_timing(device, "ecc").read_bandwidth_mb_s == pytest.approx(2000, rel=1e-6)
    ended = replace(device, ecc=replace(device.ecc, decode_growth_limit=3.0))  # without it 4.7 times
    assert read_timing(ended, "ecc", codeword_errors=codeword_errors(ended, rates)).page_read_us["decode"] == (
        pytest.approx((16384 / 2000 + 8) * 3)
    )


def test_one_store_tells_timings_of_unequal_costs_apart(tmp_path):
    sure = Rates(((0.1, 0.1),) * 3)  # fails at every hard read
    store = Store(tmp_path / "notes.sqlite")

    def told(*keys):
        device = load_device("tlc", [*WEAK, "geometry={channels: 1, dies_per_channel: 1}", *keys])
        return mode_timing(store, device, sure, mode="ecc", width=16, model_bytes=10**6).timing.read_bandwidth_mb_s

    plain, soft, slow = told(), told(SOFT), told(SOFT, "ecc.soft.senses=7")
    grown = told("ecc.decode_growth_per_error=0.5")
    ended = told("ecc.decode_growth_per_error=0.5", "ecc.decode_growth_limit=300")
    assert len({plain, soft, slow, grown, ended}) == 5 and plain > soft > slow and plain > ended > grown
    assert [told(), told(SOFT), told(SOFT, "ecc.soft.senses=7")] == [plain, soft, slow]


def test_the_name_of_a_stored_timing_is_what_it_was_without_either():
    """Its parts are those of before: a store keeps what it knows."""
    figures = timings._figures(load_device("tlc").ecc)
    assert set(figures) & {"soft", "decode_growth_per_error", "decode_growth_limit"} == set()
    assert {"soft", "decode_growth_per_error"} <= set(timings._figures(load_device("tlc", [SOFT, GROWTH]).ecc))


def test_a_stored_timing_does_not_depend_on_a_latency_that_no_bandwidth_sees():
    given, without = load_device("reram"), load_device("reram", ["timing.output_latency_us=null"])
    assert timings._figures(given.timing) == timings._figures(without.timing)
    assert "output_latency_us" not in timings._figures(given.timing) and "read_us" in timings._figures(given.timing)


def test_the_command_line_tells_of_soft_reads(capsys, tmp_path):
    assert main(["devices", "show", "tlc@soft"]) == 0
    shown = capsys.readouterr().out
    assert "share of reads to retry, and to read softly" in shown and "soft.senses" in shown
    assert main(["devices", "show", "tlc@soft", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 0 < told["ages"]["beyond"]["pages_read_softly"] < told["ages"]["beyond"]["pages_retried"]
    assert main(["devices", "new", "mine", "--from", "tlc@soft", "--out", str(tmp_path / "mine.yaml")]) == 0
    assert "#   soft:" in (tmp_path / "mine.yaml").read_text()
    assert load_device(tmp_path / "mine.yaml").ecc == load_device("tlc@soft").ecc
    run = ["run", "tlc@soft", "--condition", "beyond", "--schemes", "ecc", "--trials", "1"]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0
    assert "ecc.soft.limit_rber = 0.0135 (assumption: " in capsys.readouterr().out
    assert main(["inference", "tlc@soft", "--weights", "1e9", "--condition", "beyond"]) == 0
