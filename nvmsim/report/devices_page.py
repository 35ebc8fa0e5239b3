"""The page of all bundled devices: their lives, and bandwidths through, past and without ECC, and in the die."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nvmsim.device.ages import age_at, ages
from nvmsim.device.life import ecc_limits
from nvmsim.device.load import load_device, variant_names
from nvmsim.device.parts import Device
from nvmsim.device.rber import device_rates
from nvmsim.device.resolve import leaves
from nvmsim.device.show import LEGEND, key_text, mark, share_text
from nvmsim.device.variants import MARK
from nvmsim.device.weaker import weaker_ecc
from nvmsim.report.devices_compare import differences
from nvmsim.timing.inference import sensed_mb_s
from nvmsim.timing.modes import mode_timings

WAYS = {
    "ecc": "through ECC",
    "bypass": "past ECC",
    "reclaim": "past ECC, weights in the spare area too",
}
_INTRO = """\
# Devices

What the bundled profiles say and what follows from it, written by `python tools/update_docs.py devices`. Start a part
of your own from one of them: `nvmsim devices new NAME --from tlc`. `nvmsim devices show NAME` prints every number with
its source; marks there: {legend}.

Bandwidths are 10^6 bytes of weights a second in the long run at the profile's default age, where pages are read again
as often as its ECC asks for it. *Errors left* are those of that age: UBER of the worst page type after all reads,
which FAILS above the profile's target, and mean RBER where nothing corrects. *A first read stands* the RBER at which
it meets the target alone. *Weak ECC* is a BCH code in a quarter of the parity, the parity that it saves given back.
*In the die* is what the arrays sense, spare area included, with no bus, ECC or host behind them: what in-memory
computing has. Variants, `NAME@best` and others, are the profile with other numbers: where one is → the profile's own
stands before it and the variant's behind.
"""


class Bandwidth(NamedTuple):
    """One way of reading: 10^6 bytes of weights a second, what limits it, the errors left, and what its ECC stands."""

    way: str
    mb_s: float
    bottleneck: str
    errors: str
    limit: str = "-"


def bandwidths(device: Device) -> Iterator[Bandwidth]:
    """Yield the ways of reading a device at its default age.

    >>> [one.bottleneck for one in bandwidths(load_device("tlc"))]
    ['bus', 'bus', 'bus', 'bus', 'die']
    """
    yield _corrected(device, WAYS["ecc"])
    if settings := weaker_ecc(device):
        weak = load_device(device.name, settings)
        yield _corrected(weak, f"weak ECC, t = {weak.ecc.t} in {weak.ecc.codeword_bytes} bytes")
    bare = f"RBER {device_rates(device, device.condition()).mean:.1e}"
    for mode in ("bypass", "reclaim"):
        yield _through(device, mode, WAYS[mode], bare)
    yield Bandwidth("in the die", sensed_mb_s(device), "die", bare)


def _corrected(device: Device, way: str) -> Bandwidth:
    if device.ecc.code == "none":
        return _through(device, "ecc", way, f"RBER {device_rates(device, device.condition()).mean:.1e}")
    age = age_at(device, device.condition())
    found = _through(device, "ecc", way, f"UBER {share_text(age.uber)} {age.verdict}")
    return found._replace(limit=f"{ecc_limits(device)[0]:.1e}")


def _through(device: Device, mode: str, way: str, errors: str) -> Bandwidth:
    found = mode_timings(device, device.condition(), modes=(mode,))[mode]
    return Bandwidth(way, found.read_bandwidth_mb_s, found.bottleneck, errors)


def devices_page(names: Sequence[str], *, pictures: str) -> str:
    """Return the page as Markdown; ``pictures`` is the folder of its figures, NAME.svg, seen from the page."""
    parts = [_INTRO.format(legend=LEGEND), *(_section(load_device(name), pictures) for name in names)]
    return "\n".join(parts)


def _section(device: Device, pictures: str) -> str:
    marks = [mark(device.source(key)) for key in leaves(device)]
    counts = ", ".join(f"{marks.count(letter)} {letter}" for letter in "VSCA")
    return "\n".join(
        [
            f"## {device.name}",
            "",
            f"{device.description}. Sources of its {len(marks)} values: {counts}.",
            "",
            *_table(
                ("way of reading", "MB/s", "limited by", "errors left", "a first read stands"), _bandwidth_rows(device)
            ),
            "",
            *_table(("age", "RBER", "UBER target"), _age_rows(device)),
            "",
            *_variants(device),
            f"![RBER of {device.name} over P/E cycles and time]({pictures}/{device.name}.svg)",
            "",
        ]
    )


def _bandwidth_rows(device: Device) -> list[tuple[str, ...]]:
    return [(one.way, f"{one.mb_s:,.0f}", one.bottleneck, one.errors, one.limit) for one in bandwidths(device)]


def _age_rows(device: Device) -> list[tuple[str, ...]]:
    return [(age.condition.name, f"{age.rates.mean:.1e}", age.verdict) for age in ages(device)]


def _variants(device: Device) -> list[str]:
    """Say what comes of each variant at the default age beside the profile itself, and what it changes."""
    variants = [load_device(f"{device.name}{MARK}{name}") for name in variant_names(device.name)]
    if not variants:
        return []
    heading = ("variant", "RBER", "UBER target", "through ECC, MB/s", "past ECC, MB/s")
    changes = [f"- `{one.name}`: {_changes(device, one)}" for one in variants]
    return [*_table(heading, [_outcome(one) for one in (device, *variants)]), "", *changes, ""]


def _outcome(device: Device) -> tuple[str, ...]:
    age = device.condition()
    rates = device_rates(device, age)
    verdict = next(one.verdict for one in ages(device) if one.condition == age)
    speeds = mode_timings(device, age, modes=("ecc", "bypass")).values()
    return device.name, f"{rates.mean:.1e}", verdict, *(f"{one.read_bandwidth_mb_s:,.0f}" for one in speeds)


def _changes(device: Device, variant: Device) -> str:
    both = (device, variant)
    found = [f"{key} {_change(key, values, both)}" for key, values in differences(both).items()]
    return "; ".join(found)


def _change(key: str, values: Sequence[Any], both: Sequence[Device]) -> str:
    """Write a number before and after; points of a table are told by what they come to at each age."""
    if any(isinstance(value, list) and isinstance(value[0], dict) for value in values):
        before, after = (", ".join(f"{age.rates.mean:.1e}" for age in ages(one)) for one in both)
        moved = ": equal, as its ages moved with its points" if before == after else ""
        return f"(RBER at {', '.join(both[0].conditions)}{moved}) {before} → {after}"
    shown = ("none" if value is None else key_text(key, value, both[0].page_types) for value in values)
    return " → ".join(shown)


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *rows)]
