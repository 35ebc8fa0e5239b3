"""A small valid profile for tests, and a folder that looks like an installed package."""

from pathlib import Path

LEAST = """
name: least
geometry: {channels: 2, dies_per_channel: 2, planes_per_die: 1, pages_per_block: 64, blocks_per_plane: 100}
page: {user_bytes: 4096, spare_bytes: 0}
cell: {bits: 1}
timing: {read_us: 25, program_us: 200, erase_us: 2000, bus_mt_s: 400, command_us: 0.2}
ecc: {code: none}
rber: {model: constant, rber: 1.0e-3}
conditions: {fresh: {}, worn: {pe_cycles: 3000}}
"""


def write_profile(folder: Path, rber: str = "{model: constant, rber: 1.0e-3}") -> Path:
    """Write the least profile with another ``rber`` section and return its path."""
    path = folder / "least.yaml"
    path.write_text(LEAST.replace("{model: constant, rber: 1.0e-3}", rber))
    return path


def install(folder: Path, module: Path, *, kind: str, name: str, attribute: str) -> None:
    """Put a copy of ``module`` and its entry point into ``folder``, as an installer would."""
    package = f"plugged_{name.replace('-', '_')}"
    source = module.read_text().replace(f'\nregister("{kind}"', f'\n# by entry point: register("{kind}"')
    (folder / f"{package}.py").write_text(source)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[nvmsim.{kind}]\n{name} = {package}:{attribute}\n")
