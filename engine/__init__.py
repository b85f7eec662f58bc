"""What renders: knows no OSC, no MIDI, no DAW. As a library: `from engine import RenderSpec, Studio`."""

from engine.errors import PunchinError
from engine.spec import RenderSpec, Verb
from engine.studio import Studio

__all__ = ["PunchinError", "RenderSpec", "Studio", "Verb"]
