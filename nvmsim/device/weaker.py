"""The same part with less ECC: a BCH code in a quarter of the parity, the parity that it saves given back."""

from nvmsim.device.galois_field import field_bits
from nvmsim.device.parts import Device

SHARE = 4


def weaker_ecc(device: Device) -> tuple[str, ...]:
    """Return the settings (``key=value``) of the device with a BCH code in a quarter of its parity bytes.

    ``t`` is what the parity carries at m bits for each corrected one. Empty where there is no code, or where a quarter
    of the parity corrects nothing.

    >>> from nvmsim.device.profile import load_device
    >>> weaker_ecc(load_device("mlc"))[:2]
    ('ecc.code=bch', 'ecc.t=9')
    """
    ecc, page = device.ecc, device.page
    if ecc.code == "none":
        return ()
    allowed = ecc.parity_bytes // SHARE
    m = field_bits(8 * (ecc.codeword_bytes + allowed))
    t = 8 * allowed // m
    if t < 1:
        return ()
    parity = -(-m * t // 8)
    saved = -(-page.user_bytes // ecc.codeword_bytes) * (ecc.parity_bytes - parity)
    spare = f"page.spare_bytes={page.spare_bytes - saved}"
    hard_only = ("ecc.soft=null",) if ecc.soft else ()
    return ("ecc.code=bch", f"ecc.t={t}", f"ecc.parity_bytes={parity}", spare, "ecc.limit_rber=null", *hard_only)
