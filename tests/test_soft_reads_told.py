"""What is said of soft reads and of decoding that grows: sources, assumptions, closed forms against simpler ones."""

from dataclasses import replace

import numpy as np
import pytest
from ridge_network import ridge_model, ridge_task
from test_soft_reads import GROWTH, LDPC, OLD, SOFT, SOFTER, TABLE, WEAK

import nvmsim
from nvmsim.accuracy.change_bound import change_bound
from nvmsim.cli import main
from nvmsim.device.ages import ages
from nvmsim.device.ecc import Ldpc, codeword_errors, final_uber, make_ecc, page_failures
from nvmsim.device.parts import ASSUMPTION
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.device.resolve import leaves
from nvmsim.device.weaker import weaker_ecc
from nvmsim.errors import InputError
from nvmsim.report.figure_device import build
from nvmsim.timing.decisive import bottleneck_assumed, decisive_keys
from nvmsim.timing.inference import Work, inferences
from nvmsim.timing.layers import one_layer
from nvmsim.timing.modes import mode_timings, reads_again, reads_softly
from nvmsim.timing.read_path import read_timing
from nvmsim.timing.system import read_system

FLAT = "ecc.soft={limit_rber: 1.0e-2, waterfall_decades: 1.5}"
LOST = Rates(((0.1, 0.1),) * 3)  # no hard read decodes


def test_soft_reads_never_fail_where_hard_ones_would_not():
    device, hard = load_device("tlc", ["ecc.retry=null", FLAT]), load_device("tlc", ["ecc.retry=null"])
    errors = np.arange(9217)
    code, soft = make_ecc(device.ecc).codes
    assert (soft.failure(errors) <= code.failure(errors)).all() and (soft.failure(errors) < code.failure(errors)).any()
    for rber in (1e-3, 3e-3, 5e-3, 8e-3, 2e-2):
        rates = Rates(((rber, rber),) * 3)
        assert final_uber(device, rates) <= final_uber(hard, rates)
        assert (np.diff(page_failures(device, rates)) <= 0).all()


def test_the_tables_soft_failures_lie_below_the_hard_ones():
    hard, soft = make_ecc(load_device("tlc", [*TABLE, "ecc.retry=null", "ecc.soft={}"]).ecc).codes
    assert soft.failure(np.arange(300)).tolist() == soft.soft.failure(np.arange(300)).tolist()
    assert (soft.failure(np.arange(300)) <= hard.failure(np.arange(300))).all()


def test_figures_of_the_hard_decoder_have_its_sources():
    device = load_device("tlc", [SOFT, "ecc.decode_latency_us=5"])
    assert device.source("ecc.soft.decode_latency_us") == "assumption: as with hard reads: set by the user"
    hard = device.source("ecc.decode_bandwidth_gb_s").removeprefix("assumption: ")
    assert device.source("ecc.soft.decode_bandwidth_gb_s") == f"assumption: as with hard reads: {hard}"
    faster = load_device("tlc@soft", ["ecc.decode_bandwidth_gb_s=4"])
    assert faster.ecc.soft.decode_bandwidth_gb_s == 4 and faster.is_assumption("ecc.soft.decode_bandwidth_gb_s")
    assert device.source("ecc.soft.limit_rber") == "set by the user"


def test_a_setting_of_a_section_says_what_stands_in_it_and_nothing_else():
    device = load_device("tlc", [SOFT, "ecc.retry={max: 2}"])
    assert device.source("ecc.retry.max") == "set by the user"
    for key in ("ecc.soft.senses", "ecc.soft.transfers", "ecc.retry.rber_factor"):
        assert device.source(key).startswith(ASSUMPTION), key


def test_what_soft_reads_cost_decides_where_they_are_made():
    device = load_device("tlc@soft")
    young, old = Rates(((1e-3, 1e-3),) * 3), Rates(((2e-2, 2e-2),) * 3)
    assert (reads_softly(device, young), reads_softly(device, old)) == (False, True)
    assert not reads_softly(load_device("tlc"), old)
    mended = Rates(((1.2e-2, 1.2e-2),) * 3)  # by the retry
    assert reads_again(device, mended) and not reads_softly(device, mended)
    assert reads_softly(device, Rates(((1e-3, 1e-3), (1e-3, 1e-3), (3e-2, 3e-2))))  # one page type is enough
    keys = {name: decisive_keys(device, name, corrected=old) for name in ("die", "bus", "ecc", "host")}
    assert "ecc.soft.senses" in keys["die"] and "ecc.soft.transfers" in keys["bus"]
    assert "ecc.soft.decode_bandwidth_gb_s" in keys["ecc"] and not any("soft" in key for key in keys["host"])
    assert not any(
        "soft" in key for rates in (None, young, mended) for key in decisive_keys(device, "ecc", corrected=rates)
    )
    grown = load_device("tlc@soft", [GROWTH, "ecc.decode_growth_limit=20"])
    growth = {f"{part}.decode_growth_{what}" for part in ("ecc", "ecc.soft") for what in ("per_error", "limit")}
    assert growth <= set(decisive_keys(grown, "ecc", corrected=old))
    assert not bottleneck_assumed(device, "bus", corrected=young) and bottleneck_assumed(device, "bus", corrected=old)


def test_the_share_of_soft_reads_is_what_the_last_retry_leaves():
    for one, other in zip(ages(load_device("tlc@soft")), ages(load_device("tlc", WEAK)), strict=True):
        assert one.soft == page_failures(load_device("tlc", WEAK), other.rates)[:, 1].mean()
        assert one.retried == other.retried


def test_decoding_grows_without_retries_and_for_soft_reads_alone():
    once = load_device("tlc", [GROWTH, "ecc.retry=null", "host.bandwidth_gb_s=null", "ecc.engines=64"])
    errors = codeword_errors(once, device_rates(once, once.condition()))
    timing = mode_timings(once, once.condition(), modes=("ecc",))["ecc"]
    assert timing.page_read_us["decode"] == pytest.approx((8.192 + 8) * (1 + 0.05 * errors.mean()))
    growth = "ecc.soft={limit_rber: 0.0135, decode_growth_per_error: 0.05}"
    soft = load_device("tlc", ["ecc.retry=null", growth, "host.bandwidth_gb_s=null", "ecc.engines=2048"])
    assert soft.ecc.decode_grows and soft.ecc.decode_growth_per_error is None
    told = {"page_failures": page_failures(soft, LOST), "codeword_errors": codeword_errors(soft, LOST)}
    assert read_timing(soft, "ecc", **told).page_read_us["decode"] == pytest.approx(
        (8.192 + 8) * (2 + 0.05 * 8 * (4096 + 512) * 0.1)
    )


def test_the_buffer_is_large_enough_for_soft_reads_and_a_message_names_their_keys():
    quick, slow = (
        read_system(load_device("tlc", [*WEAK, SOFT, f"ecc.soft.decode_latency_us={us}"]), "ecc", np.ones((3, 3)))
        for us in (8, 800)
    )
    # A die takes its turn each 4 (0.3 + 4 x 11.62) = 187 us; where pages are read again there is twice the room.
    assert slow.credit_groups == quick.credit_groups + 2 * 4
    endless = load_device("tlc", [*WEAK, SOFT, "ecc.soft.decode_latency_us=1e7"])
    with pytest.raises(InputError, match=r"ecc\.soft\.decode_latency_us, ecc\.soft\.decode_bandwidth_gb_s"):
        read_system(endless, "ecc", np.ones((3, 3)))


def test_a_weaker_code_leaves_soft_reads_out():
    weak = load_device("tlc@soft", weaker_ecc(load_device("tlc@soft")))
    assert (weak.ecc.code, weak.ecc.soft) == ("bch", None)


def test_the_change_bound_is_that_of_the_last_soft_read():
    rber = 5e-3
    for spec in (LDPC, SOFTER):
        task, ecc = ridge_task(rber=rber, mode="ecc", ecc=spec), make_ecc(spec)
        codewords = 3 * -(-task.layout.user_bytes // spec.codeword_bytes)
        fails = ecc.codes[-1].codeword_failure(0.9 * rber)
        found = change_bound(task, ecc=ecc, pages=3, bits=1)
        assert found == pytest.approx(-np.expm1(codewords * np.log1p(-fails)), rel=1e-9)
    plain = ridge_task(rber=rber, mode="ecc", ecc=replace(SOFTER, soft=None))
    assert found < change_bound(plain, ecc=make_ecc(LDPC), pages=3, bits=1)


@pytest.mark.parametrize(
    ("keys", "then"),
    [
        (["ecc.retry=null"], "needs soft reads"),
        ([], "needs read retries and soft reads"),
        (["ecc.soft=null"], "needs read retries"),
        (["ecc.soft.limit_rber=8.0e-3"], "needs read retries"),  # no better than hard
        (["ecc.soft=null", "ecc.retry={max: 2}"], "fails"),  # nothing changes from read to read
    ],
)
def test_the_figure_says_what_comes_after_the_first_read(keys, then):
    assert f" and {then} from" in build(load_device("tlc@soft", keys), 7.5)[1]


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        (["ecc.soft.senses=3", "ecc.soft={limit_rber: 0.02}"], {"ecc.soft.limit_rber": 0.02, "ecc.soft.senses": 3}),
        (["ecc.soft.senses=4", "ecc.soft=null"], {"ecc.retry.max": 3}),
        (["ecc.retry.max=2", "ecc.retry=null"], {"ecc.retry.max": 0}),
        (["geometry.channels=4", "geometry={dies_per_channel: 2}"], {"geometry.channels": 8}),
        (["conditions.worn.pe_cycles=5", "conditions.worn={retention_days: 1}"], {"conditions.worn.pe_cycles": 0}),
    ],
)
def test_a_setting_that_another_one_replaces_says_nothing(settings, left):
    found = leaves(load_device("tlc", settings))
    assert {key: found[key] for key in left} == left


def test_what_a_setting_of_an_age_leaves_out_is_a_default():
    device = load_device("tlc", ["conditions.worn={pe_cycles: 5}"])
    assert device.source("conditions.worn.pe_cycles") == "set by the user"
    assert device.is_assumption("conditions.worn.retention_days")


def test_results_name_what_soft_reads_cost_where_they_are_made_and_decide(tmp_path):
    """At RBER 3e-2 the bus sends each page three times, so that the assumed transfers decide; not so without ECC."""

    def result(device, rber, schemes="ecc,raw"):
        asked = {"rber": rber, "model": ridge_model(), "schemes": schemes, "store": tmp_path / "s.sqlite"}
        return nvmsim.run(device, trials=1, **asked)

    made = result("tlc@soft", 3e-2)
    marks = {row.scheme: (row.bottleneck, row.bottleneck_assumed) for row in made.rows}
    assert marks == {"ecc": ("bus", True), "raw": ("bus", False)}
    assert "ecc.soft.transfers" in {key for key, *_ in made.assumptions}
    for device, rber, schemes in (("tlc@soft", 1e-3, "ecc,raw"), ("tlc@soft", 3e-2, "raw"), ("tlc", 1e-3, "ecc,raw")):
        other = result(device, rber, schemes)
        assert not any(row.bottleneck_assumed for row in other.rows)
        assert "ecc.soft.transfers" not in {key for key, *_ in other.assumptions}


def test_inference_marks_what_soft_reads_cost_where_ecc_makes_them():
    device, age = load_device("tlc@soft", ["conditions.worn={pe_cycles: 3000, retention_days: 1000}"]), "worn"
    rows = inferences(
        device, device.condition(age), Work(one_layer(7e9), 16, 1), tflops={"host": 100.0}, modes=("ecc", "bypass")
    )
    assert {row.mode: (row.limited_by, row.assumed) for row in rows} == {"ecc": ("bus", True), "bypass": ("bus", False)}


def test_keys_of_soft_reads_are_named_where_there_are_some_alone():
    for where, named in (("tlc@soft", True), ("tlc", False)):
        device = load_device(where, ["ecc.decode_latency_us=1e7"])
        with pytest.raises(InputError) as caught:
            read_system(device, "ecc", np.ones((3, device.ecc.attempts)))
        assert ("ecc.soft.decode_latency_us" in str(caught.value)) == named


def test_a_setting_of_all_of_ecc_says_what_stands_in_its_inner_sections():
    code = "code: ldpc, codeword_bytes: 4096, parity_bytes: 512, limit_rber: 8.0e-3, waterfall_decades: 0.17"
    device = load_device("tlc", [f"ecc={{{code}, soft: {{limit_rber: 0.0135}}}}"])
    assert device.source("ecc.soft.limit_rber") == device.source("ecc.limit_rber") == "set by the user"
    assert device.is_assumption("ecc.soft.senses") and device.is_assumption("ecc.retry.max")


def test_what_decides_how_often_pages_are_read_again_is_among_the_assumptions(tmp_path):
    def told(condition):
        asked = {"condition": condition, "model": ridge_model(), "schemes": "ecc", "store": tmp_path / "s.sqlite"}
        return {key for key, *_ in nvmsim.run("tlc@soft", trials=1, **asked).assumptions}

    again = {"ecc.waterfall_decades", "ecc.retry.max", "ecc.retry.rber_factor", "ecc.soft.max"}
    assert again <= told("beyond") and not again & told("fresh")


def test_soft_reads_of_a_code_that_miscorrects_do_too():
    class Wild(Ldpc):
        miscorrects = True

        def silent(self, errors):
            return 0.5 * self.failure(errors)

    soft = Wild(load_device("tlc@soft").ecc).codes[-1]
    assert soft.miscorrects and soft.detects
    assert soft.silent(800) == 0.5 * soft.soft.failure(800) > 0 == soft.silent(10)


def test_a_soft_limit_below_the_hard_one_is_blamed_on_who_said_it(capsys):
    assert main(["timing", "tlc@soft", "--set", "ecc.soft.limit_rber=7.9e-3"]) == 2
    assert "--set: ecc.soft.limit_rber: 0.0079: must be at least ecc.limit_rber, 0.008" in capsys.readouterr().err


def test_the_reads_of_the_old_rates_are_softly_made():
    assert reads_softly(load_device("tlc", [*WEAK, SOFT]), OLD)
