"""Device profiles: a YAML file becomes a checked, frozen :class:`Device`."""

from nvmsim.device.load import device_names, load_device
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
    "load_device",
]
