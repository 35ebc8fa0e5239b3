#!/usr/bin/env bash
# Build the wheel, install it in a fresh environment outside the tree, and run the main job from there.
set -euo pipefail
tree=$(cd "$(dirname "$0")/.." && pwd)
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
export PIP_CONSTRAINT="$tree/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1
"${PYTHON:-python3}" -m venv "$outside/venv"
"$outside/venv/bin/pip" wheel --quiet --no-deps --wheel-dir "$outside/dist" "$tree"
"$outside/venv/bin/pip" install --quiet "$outside"/dist/nvmsim-*.whl
cd "$outside"
venv/bin/python - <<'PY'
import pathlib
import nvmsim

assert pathlib.Path(nvmsim.__file__).is_relative_to(pathlib.Path.cwd()), nvmsim.__file__
PY
venv/bin/nvmsim devices
cat >measured.yaml <<'YAML'
extends: tlc@decoder
ecc: {input: soft, source: a table of the wheel's}
YAML
venv/bin/nvmsim devices check measured.yaml
venv/bin/nvmsim timing measured.yaml
venv/bin/python - <<'PY'
from nvmsim.device.ldpc_table import TABLES
import pathlib

tables = sorted(path.name for path in TABLES.glob("*.yaml"))
assert TABLES.is_relative_to(pathlib.Path.cwd()) and tables, TABLES
print("the wheel carries LDPC tables:", *tables)
PY
venv/bin/nvmsim run tlc --out results
venv/bin/nvmsim reproduce table-2 section-5 --quick --sample 4
venv/bin/nvmsim run devices/tlc.yaml --out results --format json >again.json
venv/bin/python - <<'PY'
import json

rows = json.load(open("again.json"))["rows"]
assert {row["scheme"] for row in rows} >= {"ecc", "raw", "nulling", "hamming", "hamming+nulling", "fp16"}, rows
assert all(0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1 for row in rows), rows
print("the wheel runs the main job outside the tree:", len(rows), "rows")
PY
