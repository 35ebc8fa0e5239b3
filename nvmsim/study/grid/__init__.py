"""Studies over grids of devices, ages, networks and schemes."""
