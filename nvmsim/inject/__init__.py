"""Exact bit flips, the same on every backend: see sampler.py for the method, reference.py for the readable form."""
