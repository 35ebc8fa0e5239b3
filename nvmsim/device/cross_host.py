"""What the keys of a profile's ``host`` section demand of each other.

Assumptions where a PCIe link does not say: payloads of 256 bytes, and one DLLP of 8 bytes to each packet.
"""

from nvmsim.device.check import Checked
from nvmsim.device.host_link import CXL_GENERATIONS, FLIT_GENERATION
from nvmsim.device.parts import Host
from nvmsim.device.sections import OF_A_QUEUE

NEEDS = {"pcie": ("generation", "lanes"), "cxl": ("generation", "lanes"), "on-package": ("bandwidth_gb_s",)}
MAY = {"pcie": {"max_payload_bytes": 256, "dllp_bytes_per_packet": 8.0}}  # with their defaults
OF_A_LINK = ("bandwidth_gb_s", "generation", "lanes", "max_payload_bytes", "dllp_bytes_per_packet")


def host_spec(found: Checked) -> Host:
    """Build the host link from checked values, with the defaults of its kind."""
    values = {key.removeprefix("host."): value for key, value in found.values.items() if key.startswith("host.")}
    for key, default in MAY.get(values["link"], {}).items():
        if values[key] is None and not (key == "dllp_bytes_per_packet" and values["generation"] >= FLIT_GENERATION):
            values[key] = default
    return Host(**values)


def check_host(found: Checked) -> None:
    """Add what is wrong between the keys of ``host`` to ``found.problems``."""
    values = {key: found.values.get(f"host.{key}") for key in ("link", *OF_A_LINK, *OF_A_QUEUE)}
    link = values["link"]
    if link is None and "host.link" not in found.bad:
        for key in OF_A_LINK[1:]:
            if values[key] is not None:
                found.wrong(f"host.{key}", values[key], "absent or null without host.link (pcie or cxl)")
    elif link is not None:
        _link(found, link, values)
    if any(values[key] is not None for key in OF_A_QUEUE):
        for key in OF_A_QUEUE:
            if values[key] is None and f"host.{key}" not in found.bad:
                found.say(f"host.{key}", f"missing: {', '.join(OF_A_QUEUE)} belong together")


def _link(found: Checked, link: str, values: dict[str, object]) -> None:
    for key in NEEDS[link]:
        if values[key] is None and f"host.{key}" not in found.bad:
            found.say(f"host.{key}", f"missing: must be given for link {link}")
    for key in OF_A_LINK:
        if values[key] is not None and key not in {*NEEDS[link], *MAY.get(link, ())}:
            told = ", whose bandwidth follows from generation and lanes" if key == "bandwidth_gb_s" else ""
            found.wrong(f"host.{key}", values[key], f"absent or null beside link {link}{told}")
    generation = values["generation"]
    if link == "cxl" and generation is not None and generation not in CXL_GENERATIONS:
        allowed = f"from {CXL_GENERATIONS[0]} to {CXL_GENERATIONS[-1]} for link cxl, whose 68-byte flits end at 32 GT/s"
        found.wrong("host.generation", generation, allowed)
    dllp = values["dllp_bytes_per_packet"]
    if link == "pcie" and generation == FLIT_GENERATION and dllp is not None:
        found.wrong("host.dllp_bytes_per_packet", dllp, "absent in FLIT mode, whose flits have room for DLLPs")
