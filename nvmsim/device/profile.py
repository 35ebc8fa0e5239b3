"""Device profiles: a YAML file becomes a checked, frozen :class:`Device`."""

from nvmsim.device.load import device_names, find_variant, load_device, variant_names
from nvmsim.device.parts import Cell, Condition, Device, EccSpec, Geometry, Host, Page, Retry, Timing

__all__ = [
    "Cell",
    "Condition",
    "Device",
    "EccSpec",
    "Geometry",
    "Host",
    "Page",
    "Retry",
    "Timing",
    "device_names",
    "find_variant",
    "load_device",
    "variant_names",
]
