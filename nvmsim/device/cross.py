"""What the keys of a profile demand of each other."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from nvmsim.device.block_variation import word_lines_of
from nvmsim.device.check import Checked
from nvmsim.device.cross_host import check_host
from nvmsim.device.parts import ASSUMPTION, PAGE_TYPES, Cell, EccSpec, Retry, Soft, nearest_source
from nvmsim.errors import InputError
from nvmsim.plugins import names
from nvmsim.suggest import or_near

USES = {
    "bch": ("t",),
    "hamming-secded": (),
    "ldpc": ("limit_rber", "waterfall_decades"),
    "ldpc-table": ("table", "input"),
}
"""What a code reads of the keys in OWN, and must have but for ``input``; codes of others check their own."""
OWN = ("t", "limit_rber", "waterfall_decades", "table", "input")


def cross_check(found: Checked) -> None:
    """Add what is wrong between keys to ``found.problems``; keys that are wrong themselves are passed over."""
    for rule in RULES:
        rule(found)


def ecc_spec(found: Checked) -> EccSpec:
    """Build the code's description from checked values; what a code does not use is left out.

    Without a code nothing is decoded and nothing can fail, so there is no latency and no retry.
    """
    values = {key: value for key, value in _under("ecc", found).items() if "." not in key}
    retry = Retry(**_under("ecc.retry", found))
    if values["code"] == "none":
        values |= {"codeword_bytes": found.values["page.user_bytes"], "parity_bytes": 0, "engines": 1}
        values |= {"decode_latency_us": 0.0, "decode_bandwidth_gb_s": math.inf}
        values |= {"decode_growth_per_error": None, "decode_growth_limit": None}
        retry = Retry()
    unused = set(OWN) - set(USES.get(values["code"], OWN if values["code"] != "none" else ()))
    known = {key: None if key in unused else value for key, value in values.items()}
    return EccSpec(**known, retry=retry, soft=_soft(known, _under("ecc.soft", found)))


def _soft(hard: Mapping[str, Any], given: Mapping[str, Any]) -> Soft | None:
    """Return what soft reads are, the hard decoder's figures in place of null; None without any."""
    if not given.get("max"):
        return None
    of_hard = {key: hard[key] for key in given if key in hard and key != "limit_rber"}
    found = {key: of_hard.get(key) if value is None else value for key, value in given.items()}
    return Soft(**{key: None if key in OWN and hard[key] is None else value for key, value in found.items()})


def take_soft_sources(found: Checked) -> None:
    """Say of the figures that soft reads take from the hard decoder that they are assumed to be its own."""
    for path, value in found.values.items():
        section, _, key = path.rpartition(".")
        if section == "ecc.soft" and value is None and found.values.get(f"ecc.{key}") is not None:
            hard = nearest_source(found.sources, f"ecc.{key}").removeprefix(f"{ASSUMPTION}: ")
            found.sources[path] = f"{ASSUMPTION}: as with hard reads: {hard}"


def _gray_code(found: Checked) -> None:
    if both := found.get("cell.bits", "cell.gray_code"):
        bits, code = both
        counts = sorted(int(part) for part in code.split("-"))
        if len(counts) != bits or sum(counts) != 2**bits - 1:
            allowed = f"the read boundaries of {bits} page types, {2**bits - 1} in all"
            found.wrong("cell.gray_code", code, allowed)
        elif any(sum(counts[:few]) < 2**few - 1 for few in range(1, bits)):  # else some bits repeat a combination
            found.wrong("cell.gray_code", code, "a code in which any n page types have at least 2^n - 1 boundaries")


def _metadata(found: Checked) -> None:
    if both := found.get("page.metadata_bytes", "page.spare_bytes"):
        metadata, spare = both
        if metadata > spare:
            found.wrong("page.metadata_bytes", metadata, f"at most page.spare_bytes, {spare}")


def _code(found: Checked) -> None:
    code = found.values.get("ecc.code")
    if code is None or code == "none":
        return
    if code not in names("ecc"):
        found.say("ecc.code", f"{code!r}: {or_near(code, names('ecc'))}")
        return
    for key in ("codeword_bytes", "parity_bytes", *(key for key in USES.get(code, ()) if key != "input")):
        path = f"ecc.{key}"
        if path in found.values and found.values[path] is None:
            found.say(path, f"missing: must be {'a name' if key == 'table' else 'a number'} for code {code}")
    soft = _under("ecc.soft", found)
    if "limit_rber" in USES.get(code, ()) and soft.get("max") and soft.get("limit_rber", 0) is None:
        found.say("ecc.soft.limit_rber", f"missing: must be a number for soft reads with code {code}")


def _parity(found: Checked) -> None:
    keys = ("ecc.code", "ecc.codeword_bytes", "ecc.parity_bytes", "page.user_bytes", "page.spare_bytes")
    every = found.get(*keys, "page.metadata_bytes")
    if not every or every[0] == "none":
        return
    _, codeword, parity, user, spare, metadata = every
    if codeword > user:
        found.wrong("ecc.codeword_bytes", codeword, f"at most page.user_bytes, {user}")
    if "page.metadata_bytes" in found.bad:
        return
    codewords = -(-user // codeword)
    if codewords * parity > spare - metadata:
        room = f"{spare - metadata} spare bytes hold {codewords} codewords a page"
        found.wrong("ecc.parity_bytes", parity, f"at most {max(0, spare - metadata) // codewords}: {room}")


def _decoder(found: Checked) -> None:
    """Build and try the code where all of its own keys are right, to learn what it says itself."""
    from nvmsim.device.ecc import make_ecc  # as in _rber

    if any(key.partition(".")[0] == "ecc" for key in found.bad) or found.get("page.user_bytes") is None:
        return
    try:
        make_ecc(ecc_spec(found)).failure([1])
    except InputError as error:
        for problem in error.problems:
            key, _, what = _named("ecc", problem).partition(": ")
            found.say(key, what)


def _rber(found: Checked) -> None:
    """Let the error model read its own parameters, and keep what it takes for granted."""
    from nvmsim.device.rber import build_error_model  # loads numerical packages, which a mere listing can spare

    bits = found.values.get("cell.bits")
    if not found.rber or bits is None:
        return
    cell = Cell(bits, found.values.get("cell.gray_code"))
    try:
        found.defaults = build_error_model(found.rber, cell, PAGE_TYPES[bits]).defaults()
    except InputError as error:
        for problem in error.problems:
            key, _, what = problem.partition(": ")
            found.say(key, what)


def _layers(found: Checked) -> None:
    """Each layer of a block has a word line at least."""
    given = found.rber.get("layer_variation")
    factors = given.get("factors") if isinstance(given, dict) else None
    known = found.get("geometry.pages_per_block", "cell.bits")
    if known and isinstance(factors, list) and len(factors) > (lines := word_lines_of(*known)):
        counted = f"geometry.pages_per_block {known[0]} / cell.bits {known[1]}"
        allowed = f"at most {lines} numbers, one for each word line of a block: {counted}"
        found.wrong("rber.layer_variation.factors", factors, allowed)


def _under(section: str, found: Checked) -> dict[str, Any]:
    """Return the checked values of a section and of those within it."""
    return {
        key.removeprefix(f"{section}."): value for key, value in found.values.items() if key.startswith(f"{section}.")
    }


def _named(section: str, problem: str) -> str:
    return problem if problem.startswith(f"{section}.") else f"{section}.{problem}"


RULES: tuple[Callable[[Checked], None], ...] = (
    _gray_code,
    _metadata,
    _code,
    _parity,
    _decoder,
    _rber,
    _layers,
    check_host,
)
