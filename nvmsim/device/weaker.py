"""The same part with less ECC: a BCH code in a quarter of the parity, the rest of the spare area given back."""

from nvmsim.device.parts import Device

SHARE = 4


def field_bits(codeword_bits: int) -> int:
    """Return m of the smallest GF(2^m) whose primitive BCH codes are as long as this many bits.

    >>> field_bits(8 * 1024 + 8 * 70)
    14
    """
    return codeword_bits.bit_length()


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
    return ("ecc.code=bch", f"ecc.t={t}", f"ecc.parity_bytes={parity}", spare, "ecc.limit_rber=null")
