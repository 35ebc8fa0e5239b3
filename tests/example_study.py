"""A made-up study: 2 devices, 4 ages, 2 networks; a setting not measured, one that nothing fits, a failing ECC."""

from dataclasses import replace

from example_result import FLOAT32, difference, example, rows

from nvmsim.study.grid.answers import best_of
from nvmsim.study.grid.outcome import Progress, Setting, StudyOutcome
from nvmsim.study.tradeoff import Row, mark_pareto

AGES = ((0, 0.0), (300, 30.0), (1000, 90.0), (3000, 365.0))
WEAR = {("tlc", 0): 0.05, ("tlc", 300): 0.4, ("tlc", 1000): 1.0, ("tlc", 3000): 9.0}
WEAR |= {("qlc", 0): 0.2, ("qlc", 300): 1.0, ("qlc", 1000): 6.0, ("qlc", 3000): 40.0}
SLOWER = {0: 0.92, 300: 1.0, 1000: 1.06, 3000: 1.6}
NETWORKS = {"mnist-cnn": 1.0, "cifar10-vgg": 2.2}
BEYOND, NOTHING_FITS, NOT_MEASURED = (
    ("qlc", 3000, "mnist-cnn"),
    ("qlc", 3000, "mnist-cnn"),
    ("qlc", 3000, "cifar10-vgg"),
)
MAX_DROP = 1.0


def aged(row: Row, wear: float, slower: float) -> Row:
    """Return a row that loses ``wear`` times as much, and whose ECC is ``slower``."""
    lost = [min(max((FLOAT32 - value) * wear, -0.01), FLOAT32 - 0.1) for value in row.trial_accuracies]
    if row.mode == "ecc":
        return replace(row, bandwidth_gb_s=row.bandwidth_gb_s / slower)
    drops = [min(wear * d, 89.4) for d in (row.drop_points, row.drop_low, row.drop_high)]
    return replace(
        row,
        trial_accuracies=tuple(round(FLOAT32 - one, 4) for one in lost),
        accuracy=FLOAT32 - drops[0] / 100,
        low=FLOAT32 - drops[2] / 100,
        high=min(FLOAT32 - drops[1] / 100, 1.0),
        drop_points=drops[0],
        drop_low=drops[1],
        drop_high=drops[2],
        speedup=row.speedup * slower,
    )


def setting(device: str, age: tuple[int, float], network: str) -> Setting:
    """Return one setting, measured or not."""
    cycles, days = age
    varied = {"device": device, "pe_cycles": cycles, "retention_days": days, "model": network}
    place = (device, cycles, network)
    if place == NOT_MEASURED:
        return Setting(grid="grid", varied=varied, result=None, best=None, lacking=(("ecc", "ecc"), ("raw", "bypass")))
    wear = WEAR[device, cycles] * NETWORKS[network]
    found = [aged(row, wear, SLOWER[cycles]) for row in rows()]
    if place == NOTHING_FITS:
        found[0] = replace(found[0], uber=3.1e-8, fails_uber=True)
    marked = mark_pareto(found, difference)
    result = example(
        device=device,
        model=network,
        condition={"name": "custom", "pe_cycles": cycles, "retention_days": days},
        rows=marked,
        ecc_uber=3.1e-8 if place == BEYOND else 1e-17,
        warnings=(),
    )
    return Setting(grid="grid", varied=varied, result=result, best=best_of(marked, max_drop_points=MAX_DROP))


def study(**changes) -> StudyOutcome:
    """Return the example, with other values for some of its fields."""
    settings = tuple(setting(d, age, n) for d in ("tlc", "qlc") for n in NETWORKS for age in AGES)
    outcome = StudyOutcome(
        name="life",
        title="Two drives over their life, two networks",
        question="How long can the weights of a small network be read without ECC?",
        max_drop_points=MAX_DROP,
        axes={
            "device": ("tlc", "qlc"),
            "pe_cycles": tuple(cycles for cycles, _ in AGES),
            "retention_days": tuple(days for _, days in AGES),
            "model": tuple(NETWORKS),
        },
        settings=settings,
        progress=Progress(
            tasks=208,
            finished=190,
            begun=195,
            trials=5_100,
            images=18_300_000,
            flat_images=61_000_000,
            reasons={"the interval is as narrow as asked": 120, "the answer is known": 70},
        ),
        versions={"nvmsim": "0.1.0", "numpy": "2.4.6"},
        machines=({"cpu": "a processor", "backend": "cpu"},),
        command="nvmsim study life",
        text="title: Two drives over their life\ngrid:\n  device: [tlc, qlc]\n",
    )
    return replace(outcome, **changes)


def named_ages() -> StudyOutcome:
    """Return a study of one device whose ages have names alone."""
    names = dict(zip((cycles for cycles, _ in AGES), ("fresh", "mid", "worn", "beyond"), strict=True))
    found = [s for s in study().settings if (s.varied["device"], s.varied["model"]) == ("tlc", "mnist-cnn")]
    settings = tuple(replace(s, varied={"condition": names[s.varied["pe_cycles"]]}) for s in found)
    return study(axes={"condition": tuple(names.values())}, settings=settings)


def large(count: int) -> StudyOutcome:
    """Return a study of ``count`` settings of 13 rows: devices that differ in their spare bytes, at ten ages."""
    ages = tuple(300 * i for i in range(10))
    template = [s for s in study().settings if s.varied["device"] == "tlc" and s.varied["model"] == "mnist-cnn"]
    settings = tuple(
        replace(
            template[(i % 10) * 4 // 10],
            varied={"device": f"drive-{i // 10:02}", "page.spare_bytes": 1000 + i // 10, "pe_cycles": ages[i % 10]},
        )
        for i in range(count)
    )
    spare = tuple(dict.fromkeys(s.varied["page.spare_bytes"] for s in settings))
    devices = tuple(dict.fromkeys(s.varied["device"] for s in settings))
    return study(axes={"device": devices, "page.spare_bytes": spare, "pe_cycles": ages}, settings=settings)
