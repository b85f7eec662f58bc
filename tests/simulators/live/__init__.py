"""A Live without a window: Sets of real audio files, and the `Live` module that control surface scripts import.

Scripts run unmodified. The classes are Live's by name, kind and signature, which a test holds against the published stubs;
a version of Live has only what it had. What a call does that no stub tells is written where it is modelled. What Live has and
this lacks is no attribute here either, so that no test passes on behaviour that nobody wrote down.

Runs on CPython 3.7, which is what Live had up to 12.0, and on the one of the tests; standard library only.
"""

from live.host import Live

__all__ = ["Live"]
