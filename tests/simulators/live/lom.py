"""How Live's objects behave in Python, whatever they stand for: typed, positional, and refusing what Live does not know.

What belongs to the simulation alone begins with `_sim`; everything else is Live's, under Live's name.
"""

import functools

NOTIFYING = "Changes cannot be triggered by notifications. You will need to defer your response."
UNDOING = "Changes cannot be triggered during undo or redo."


class ArgumentError(TypeError):
    """What Boost raises for wrong types, and for any use of an object that Live has deleted."""


ArgumentError.__module__ = "Boost.Python"


class Optional:
    """An argument that may be left out."""

    def __init__(self, kind, default):
        self.kind, self.default = kind, default


class Nullable:
    """A value that may be None."""

    def __init__(self, kind):
        self.kind = kind


def converted(kind, value, what):
    """A value as C++ would take it: int for float, int for bool, and nothing else in another's place."""
    if isinstance(kind, Nullable):
        return None if value is None else converted(kind.kind, value, what)
    if kind is object:
        return value
    if isinstance(kind, str):
        if isinstance(value, LomObject) and type(value).__name__ == kind:
            value._sim_check_alive()
            return value
    elif kind is float:
        if isinstance(value, (int, float)):
            return float(value)
    elif kind is int:
        if isinstance(value, int):
            return int(value)
    elif kind is bool:
        if isinstance(value, int):
            return bool(value)
    elif isinstance(value, kind):
        return value
    name = kind if isinstance(kind, str) else kind.__name__
    raise ArgumentError(
        f"Python argument types in\n    None.{what}({type(value).__name__})\ndid not match C++ signature:\n    {what}({name})"
    )


class Value:
    """A property of Live's: its kind, whether scripts may set it and listen to it.

    `read(object)` and `write(object, value)` stand for what is more than keeping a value. A `passing` value is no part of
    the Set's undo history. `settable_since` names the version before which the value can only be read.
    """

    def __init__(
        self, kind, settable=False, listenable=False, read=None, write=None, audio=False, passing=False, low=None, high=None,
        settable_since=(0,),
    ):  # fmt: skip
        self.kind, self.settable, self.listenable, self.audio, self.passing = kind, settable, listenable, audio, passing
        self.read, self.write, self.low, self.high = read, write, low, high
        self.settable_since = settable_since

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, thing, owner=None):
        if thing is None:
            return self
        thing._sim_check_alive()
        self._check_audio(thing)
        if self.read:
            return self.read(thing)
        return thing._sim_seen(self.name)

    def __set__(self, thing, value):
        if not self.settable or thing._sim.version < self.settable_since:
            raise AttributeError("can't set attribute")
        thing._sim_check_alive()
        self._check_audio(thing)
        value = converted(self.kind, value, self.name)
        if self.low is not None and not self.low <= value <= self.high:
            raise RuntimeError("Invalid value. Check the parameters range with min/max")
        thing._sim.check_may_change()
        if self.passing:
            self._store(thing, value)
        else:
            with thing._sim.history.change():
                self._store(thing, value)

    def _store(self, thing, value):
        if self.write:
            self.write(thing, value)
        else:
            thing._sim_set(self.name, value)

    def _check_audio(self, thing):
        if self.audio and not thing._sim_state["audio"]:
            raise RuntimeError("Only available for audio clips")


def call(*arguments, **options):
    """Declares a function of Live's: the kinds of its arguments, `returns`, and `changes=False` where it only tells."""
    returns, changes, audio = options.pop("returns", None), options.pop("changes", True), options.pop("audio", False)
    passing = options.pop("passing", False)
    assert not options
    fewest = sum(not isinstance(argument, Optional) for argument in arguments)

    def declare(function):
        @functools.wraps(function)
        def called(self, *given, **named):
            if named or not fewest <= len(given) <= len(arguments):
                raise ArgumentError(f"Python argument types in None.{function.__name__}() did not match C++ signature")
            if isinstance(self, LomObject):
                self._sim_check_alive()
            if audio and not self._sim_state["audio"]:
                raise RuntimeError("Only available for audio clips")
            values = []
            for number, argument in enumerate(arguments):
                optional = isinstance(argument, Optional)
                if number >= len(given):
                    values.append(argument.default)
                else:
                    kind = argument.kind if optional else argument
                    values.append(converted(kind, given[number], function.__name__))
            if not changes:
                return function(self, *values)
            self._sim.check_may_change()
            if passing:
                return function(self, *values)
            with self._sim.history.change():
                return function(self, *values)

        called._sim_arguments, called._sim_returns = arguments, returns
        return called

    return declare


def _listening(name):
    """The three functions that Live has for a property that can be listened to."""

    def add(self, callback):
        self._sim_check_alive()
        if not callable(callback):
            raise ArgumentError("Python argument types did not match C++ signature")
        callbacks = self._sim_listeners.setdefault(name, [])
        if callback in callbacks:
            raise RuntimeError("Observer already connected")
        callbacks.append(callback)

    def remove(self, callback):
        self._sim_check_alive()
        if callback not in self._sim_listeners.get(name, []):
            raise RuntimeError("Observer not connected")
        self._sim_listeners[name].remove(callback)

    def has(self, callback):
        self._sim_check_alive()
        return callback in self._sim_listeners.get(name, [])

    for function, full in (
        (add, f"add_{name}_listener"), (remove, f"remove_{name}_listener"), (has, f"{name}_has_listener"),
    ):  # fmt: skip
        function.__name__ = full
        function._sim_arguments, function._sim_returns = (object,), bool if function is has else None
        yield full, function


class LomObject:
    """What every object of a Set has: an identity, listeners, and an end."""

    _sim_listen_only = ()
    """What can be listened to and not be read."""
    _sim_late = False
    """Whether what is written can be read, and is told, from the next tick on."""

    def __init_subclass__(cls):
        names = [name for name, value in vars(cls).items() if isinstance(value, Value) and value.listenable]
        for name in names + list(vars(cls).get("_sim_listen_only", ())):
            for full, function in _listening(name):
                setattr(cls, full, function)

    def __init__(self):
        raise RuntimeError("This class cannot be instantiated from Python")

    @classmethod
    def _sim_new(cls, live, passing=None, **state):
        thing = object.__new__(cls)
        thing._sim = live
        thing._sim_state = dict(state, dead=False)
        thing._sim_passing = passing or {}
        thing._sim_old = {}
        thing._sim_listeners = {}
        thing._sim_number = live.register(thing)
        return thing

    def __setattr__(self, name, value):
        if not name.startswith("_sim") and not isinstance(getattr(type(self), name, None), Value):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        if other is None:
            return self._sim_state["dead"]
        return self is other

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return id(self)

    @property
    def _live_ptr(self):
        self._sim_check_alive()
        return self._sim_number

    canonical_parent = Value(object, read=lambda self: self._sim_state.get("parent"))

    def _sim_check_alive(self):
        if self._sim_state["dead"]:
            name = type(self).__name__
            raise ArgumentError(
                f"Python argument types in\n    None.None({name})\ndid not match C++ signature:\n"
                f"    None(class TPyHandle<class A{name}>)"
            )

    def _sim_seen(self, name):
        """A value as a script reads it: what it wrote within the same tick may not be seen yet."""
        if name in self._sim_old:
            return self._sim_old[name]
        return self._sim_passing[name] if name in self._sim_passing else self._sim_state[name]

    def _sim_set(self, name, value):
        """Keep a value and tell who listens."""
        values = self._sim_passing if name in self._sim_passing else self._sim_state
        before = values[name]
        if before is value or (before is not None and before == value):
            return
        values[name] = value
        if self._sim_late:
            self._sim_old.setdefault(name, before)
        else:
            self._sim_notify(name)

    def _sim_tick(self):
        """What was written since the last tick is there now."""
        names, self._sim_old = list(self._sim_old), {}
        for name in names:
            self._sim_notify(name)

    def _sim_notify(self, name):
        for callback in list(self._sim_listeners.get(name, ())):
            self._sim.notify(callback)

    def _sim_die(self):
        self._sim_state["dead"] = True


class Vector:
    """A list that Live gives out: a copy of what was there, not its own."""

    def __init__(self):
        self._sim_items = []

    @classmethod
    def _sim_of(cls, items):
        vector = cls()
        vector._sim_items.extend(items)
        return vector

    def __iter__(self):
        return iter(list(self._sim_items))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)._sim_of(self._sim_items[index])
        return self._sim_items[index]

    def __len__(self):
        return len(self._sim_items)

    def __contains__(self, value):
        return any(item == value for item in self._sim_items)

    def __bool__(self):
        return bool(self._sim_items)
