"""A made-up result with every difficulty a real one has: 13 rows, collapsed schemes, ties, asymmetric intervals."""

from dataclasses import replace

import numpy as np

from nvmsim.study.tradeoff import Causes, Result, Row, TrialRow, mark_pareto, unpaired_difference

FLOAT32 = 0.9939
WEIGHTS = 329_962
SCHEMES = {  # encoding, mean accuracy, spread, chance of a collapsed trial, nulled share
    "raw": ("binary:16", 0.9921, 0.0009, 0.06, 0.0),
    "nulling": ("binary:16+parity-nulling", 0.9932, 0.0003, 0.0, 0.0585),
    "hamming": ("hamming:16", 0.9782, 0.0060, 0.10, 0.0),
    "hamming+nulling": ("hamming:16+parity-nulling", 0.9931, 0.0004, 0.0, 0.0585),
    "fp16": ("fp16", 0.1009, 0.006, 0.0, 0.0),
    "fp16+range-check": ("fp16+range-check", 0.9926, 0.0007, 0.01, 0.0213),
}
STAGES = ("command", "sense", "die_wait", "bus_wait", "transfer", "decode_wait", "decode", "host_wait", "host")
PAGE_READ = {
    "ecc": (0.3, 40.0, 1.5, 96.1, 46.5, 14.2, 8.5, 2.1, 9.4),
    "bypass": (0.3, 40.0, 1.2, 82.4, 41.0, 0.0, 0.0, 3.3, 9.4),
    "reclaim": (0.3, 40.0, 1.4, 93.5, 46.5, 0.0, 0.0, 3.9, 10.6),
}
CAUSES = {
    "ecc": Causes(),
    "bypass": Causes(bytes=1.1348, decoder=1.0712, retries=1.1033, host=1.0),
    "reclaim": Causes(bytes=1.2618, decoder=1.0712, retries=1.1033, host=0.9987),
}
GB_S = {mode: 8.4127 * c.bytes * c.decoder * c.retries * c.host for mode, c in CAUSES.items()}


def difference(a: Row, b: Row) -> tuple[float, float]:
    """Return the interval of accuracy(a) - accuracy(b): of the trials' differences where the rows are paired."""
    if a.paired_with != b.paired_with or a.trials != b.trials:
        return unpaired_difference(a, b)
    gains = np.subtract(a.trial_accuracies, b.trial_accuracies)
    half = 2.1 * float(gains.std()) / len(gains) ** 0.5
    return float(gains.mean()) - half, float(gains.mean()) + half


def _row(scheme: str, mode: str, *, encoding: str, values: np.ndarray, **more) -> Row:
    mean, half = float(values.mean()), 0.0002 + 2 * float(values.std()) / len(values) ** 0.5
    low, high = mean - 1.4 * half, min(mean + 0.7 * half, 1.0)
    gb_s, causes = GB_S[mode], CAUSES[mode]
    return Row(
        scheme=scheme,
        mode=mode,
        encoding=encoding,
        accuracy=mean,
        low=low,
        high=high,
        drop_points=100 * (FLOAT32 - mean),
        drop_low=100 * (FLOAT32 - high),
        drop_high=100 * (FLOAT32 - low),
        n_weights=WEIGHTS,
        bandwidth_gb_s=gb_s,
        loads_per_s=gb_s * 1e9 / (2 * WEIGHTS),
        load_us=211.7 * 8.4 / gb_s,
        speedup=causes.bytes * causes.decoder * causes.retries * causes.host,
        causes=causes,
        bottleneck="ecc" if mode == "ecc" else "bus",
        utilisation={"die": 0.41, "bus": 0.99, "ecc": 0.7, "host": 0.5},
        storage_bytes_per_weight=2.0 if mode == "reclaim" else 2.27,
        trials=len(values),
        images=10_000,
        trial_accuracies=tuple(map(float, values)),
        page_read_us=dict(zip(STAGES, PAGE_READ[mode], strict=True)),
        bottleneck_assumed=mode == "ecc",
        **more,
    )


def rows() -> tuple[Row, ...]:
    made = [
        _row(
            "ecc",
            "ecc",
            encoding="binary:16",
            values=np.full(8, 0.9939),
            rber_in=3.9e-3,
            rber_residual=0.0,
            nulled_weights=0.0,
            uber=4.1e-17,
            stop_reason="nothing can change, and every image was seen",
            task_id="0" * 64,
            paired_with="bypass",
        )
    ]
    for number, (scheme, (encoding, mean, spread, collapse, nulled)) in enumerate(SCHEMES.items(), 1):
        for mode in ("bypass", "reclaim"):
            random = np.random.default_rng(len(mode))
            values = mean + spread * random.standard_normal(32)
            values = np.where(random.random(32) < collapse, random.uniform(0.2, 0.9, 32), values)
            values[: 2 if collapse else 0] = 0.62
            reason = "the interval is as narrow as asked" if spread < 0.001 and not collapse else "the time was used up"
            made.append(
                _row(
                    scheme,
                    mode,
                    encoding=encoding,
                    values=np.round(values, 4),
                    rber_in=3.9e-3,
                    rber_residual=3.897e-3,
                    nulled_weights=nulled * WEIGHTS,
                    stop_reason=reason,
                    task_id=f"{number}{mode[0]}" + "0" * 62,
                    paired_with=mode,
                )
            )
    return mark_pareto(made, difference)


def example(**changes) -> Result:
    """Return the example, with other values for some of its fields."""
    result = Result(
        device="tlc",
        condition={"name": "worn", "pe_cycles": 1000, "retention_days": 90, "temperature_c": 40, "reads_per_page": 100},
        model="mnist-cnn",
        n_weights=WEIGHTS,
        range_scope="global",
        float32_accuracy=FLOAT32,
        chance=0.1,
        seed=1,
        settings={"precision_points": 0.1, "trials": None, "set": ["ecc.engines=8"]},
        rows=rows(),
        assumptions=(
            ("ecc.decode_bandwidth_gb_s", 2.0, "assumption: no public figure for one LDPC engine"),
            ("ecc.decode_latency_us", 8.0, "assumption: the middle of 4 to 12 us"),
        ),
        warnings=("pe_cycles 1000 lies at the end of the fitted range 0 to 1000",),
        versions={"nvmsim": "0.1.0", "python": "3.11.7", "numpy": "2.4.6", "torch": "2.13.0+cpu", "platform": "x86_64"},
        elapsed_s=41.3,
        command="nvmsim run devices/tlc.yaml --condition worn --seed 1",
        uber_target=1e-15,
        rber=3.9e-3,
        model_pages=41,
        round_pages=128,
    )
    return replace(result, **changes)


def small(**changes) -> Result:
    """Return an example of three rows, quick to draw."""
    return example(**({"rows": rows()[:3]} | changes))


def failing() -> Result:
    """Return the example on a device so old that ECC misses its target."""
    ecc, *rest = rows()
    old = {"name": "beyond", "pe_cycles": 3000, "retention_days": 365, "temperature_c": 55, "reads_per_page": 1e6}
    return example(rows=(replace(ecc, uber=3.1e-8, fails_uber=True), *rest), condition=old, ecc_uber=3.1e-8)


def host_limited() -> Result:
    """Return the example behind a host link so slow that all modes tie, but for the rounding of simulated times."""
    tied = [
        replace(
            row,
            bandwidth_gb_s=7.0 if row.mode == "reclaim" else 6.999999998718262,
            speedup=1.0,
            causes=Causes(bytes=1.13, host=1 / 1.13),
            bottleneck="host",
            page_read_us={**row.page_read_us, "host_wait": 1883.5},
        )
        for row in rows()
    ]
    return example(rows=mark_pareto(tied, difference))


def trials(result: Result) -> list[TrialRow]:
    """Return the blocks of the example's trials: one block each."""
    return [
        TrialRow(
            scheme=row.scheme,
            mode=row.mode,
            task_id=row.task_id,
            trial=trial,
            block=0,
            images=500,
            correct=round(500 * accuracy),
            flips=20_600 + trial,
            residual=20_600,
            nulled=round(row.nulled_weights),
        )
        for row in result.rows
        for trial, accuracy in enumerate(row.trial_accuracies)
    ]
