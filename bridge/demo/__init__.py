"""`punchin demo`: everything once, on real audio, seen and written down."""
