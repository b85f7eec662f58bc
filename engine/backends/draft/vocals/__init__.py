"""Vocals apart from the rest, by the two nets of Spleeter: of the package that carries them only the weights are read."""
