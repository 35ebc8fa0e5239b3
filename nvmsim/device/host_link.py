"""What the host link lets through: its line rate less encoding and packets, and what the queue depth allows.

Sources. The lane rates of generations 1 to 6 (2.5, 5, 8, 16, 32 and 64 GT/s), 8b/10b up to generation 2 and 128b/130b
from 3 to 5, widths of 1, 2, 4, 8 and 16 lanes, payloads of 128, 256, 512, 1024, 2048 and 4096 bytes, SKP ordered sets
(4 of 1538 symbols), 24 bytes around a memory write with a 64-bit address, and 8 bytes a DLLP: model/pcie.py of
github.com/pcie-bench/pcie-model (Neugebauer et al., SIGCOMM 2018, after the PCI Express Base Specification) [V];
Intel's notes AN 708 and AN 855 have the same framing, header and LCRC [V]. FLIT mode, from generation 6 on: 236 of 256
bytes carry packets (glennklockwood.com/garden/PCIe-Gen6) [V], and 6 more carry DLLPs (242 of 256 in pcie-model) [V]; no
framing and no LCRC are left around a packet, 16 bytes of header are an assumption (no orthogonal header content).
CXL.mem in 68-byte flits: up to 32 GT/s (CXL 3.0, section 4.2.1, as Linux's drivers/cxl/core/pci.c has it) [V], from 8
GT/s on (assumption: generations 3 to 5, as all that CXL 1.1 and 2.0 run at); 64 bytes in four slots, 2 of CRC, 2 of
protocol ID; slot format H5 heads two reads' data (CXL specification, sections 4.2 and 6.2) [S]. Assumption: that header
slot serves two 64-byte lines, so that 8 of 9 slots carry data.
"""

from dataclasses import dataclass

from nvmsim.device.parts import Host

LANE_GT_S = {1: 2.5, 2: 5.0, 3: 8.0, 4: 16.0, 5: 32.0, 6: 64.0}
LANES = (1, 2, 4, 8, 16)
PAYLOADS = (128, 256, 512, 1024, 2048, 4096)
FLIT_GENERATION = 6
CXL_GENERATIONS = (3, 4, 5)  # 68-byte flits end at 32 GT/s
PACKET_BYTES = 24  # framing and sequence number 4, header 16, LCRC 4
FLIT_PACKET_BYTES = 16
SKP_SHARE = 4 / 1538


@dataclass(frozen=True)
class Step:
    """One factor of a bandwidth: what it is, and what it multiplies by; the first is in 10^9 bytes a second."""

    what: str
    factor: float


def link_steps(host: Host) -> tuple[Step, ...]:
    """Return the factors whose product is the link's bandwidth; none for a link that never limits.

    >>> link_steps(Host(link="cxl", generation=5, lanes=8))[1]
    Step(what='128b/130b encoding', factor=0.9846153846153847)
    """
    if host.link in (None, "on-package"):
        return () if host.bandwidth_gb_s is None else (Step("given", host.bandwidth_gb_s),)
    rate = LANE_GT_S[host.generation]
    line = Step(f"{host.lanes} lanes of {rate:g} GT/s", host.lanes * rate / 8)
    if host.link == "cxl":
        return (line, *_serial(host.generation), Step("68-byte flits", 64 / 68), Step("8 of 9 slots are data", 8 / 9))
    if host.generation >= FLIT_GENERATION:
        return (line, Step("FLIT mode, 236 of 256 bytes", 236 / 256), _packets(host, FLIT_PACKET_BYTES))
    return (line, *_serial(host.generation), _packets(host, PACKET_BYTES + host.dllp_bytes_per_packet))


def link_gb_s(host: Host) -> float | None:
    """Return what the link carries for the reader of weights, 10^9 bytes a second; None if it never limits.

    >>> link = Host(link="pcie", generation=4, lanes=4, max_payload_bytes=256, dllp_bytes_per_packet=8)
    >>> round(link_gb_s(link), 3)
    6.983
    """
    found = None
    for step in link_steps(host):
        found = step.factor if found is None else found * step.factor
    return found


def queue_gb_s(host: Host) -> float | None:
    """Return what the requests in flight allow, queue depth x request / latency (Little's law); None if not given.

    >>> queue_gb_s(Host(queue_depth=32, request_bytes=131072, latency_us=1000.0))
    4.194304
    """
    if host.queue_depth is None:
        return None
    return host.queue_depth * host.request_bytes / host.latency_us / 1000


def derivation(host: Host) -> list[str]:
    """Say in a line each how the link's and the queue's bandwidths come about; nothing for a plain bandwidth.

    >>> derivation(Host(queue_depth=32, request_bytes=131072, latency_us=1000.0))
    ['queue depth: 4.194 GB/s = 32 requests x 131072 bytes / 1000 us']
    """
    lines = []
    if host.link is not None:
        name = host.link if host.generation is None else f"{host.link} {host.generation}.0 x{host.lanes}"
        first, *rest = link_steps(host)
        factors = "".join(f" x {step.factor:.4f} ({step.what})" for step in rest)
        lines.append(f"host link {name}: {link_gb_s(host):.4g} GB/s = {first.factor:g} GB/s ({first.what}){factors}")
    if host.queue_depth is not None:
        requests = f"{host.queue_depth} requests x {host.request_bytes} bytes / {host.latency_us:g} us"
        lines.append(f"queue depth: {queue_gb_s(host):.4g} GB/s = {requests}")
    return lines


def _serial(generation: int) -> tuple[Step, ...]:
    encoding = Step("8b/10b encoding", 8 / 10) if generation < 3 else Step("128b/130b encoding", 128 / 130)
    return encoding, Step("SKP ordered sets", 1 - SKP_SHARE)


def _packets(host: Host, overhead_bytes: float) -> Step:
    payload = host.max_payload_bytes
    return Step(f"packets of {payload} + {overhead_bytes:g} bytes", payload / (payload + overhead_bytes))
