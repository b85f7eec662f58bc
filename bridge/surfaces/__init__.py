"""Layouts for control surfaces: one panel, written down for each program. `python -m bridge.surfaces` writes the files."""
