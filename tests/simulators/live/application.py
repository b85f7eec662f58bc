"""`Live.Application`: the program, its version and its windows."""

from live.base import StringVector
from live.lom import LomObject, Optional, Value, Vector, call

VIEWS = ("Browser", "Arranger", "Session", "Detail", "Detail/Clip", "Detail/DeviceChain")


class MessageButtons(int):
    OK_BUTTON, OK_NEW_SET_BUTTON, OK_RETRY_BUTTON, SAVE_DONT_SAVE_BUTTON, OK_ACCOUNT_BUTTON, OK_PURCHASE_BUTTON = range(
        6
    )


class PushDialogType(int):
    MESSAGE_BOX = 0


class View(LomObject):
    focused_document_view = Value(str, listenable=True)

    @call(returns=StringVector, changes=False)
    def available_main_views(self):
        return StringVector._sim_of(VIEWS)

    @call(str, Optional(bool, True), returns=bool, changes=False)
    def is_view_visible(self, view_name, main_window_only):
        return self._sim_passing["focused_document_view"] == view_name

    @call(str, passing=True)
    def show_view(self, view):
        self._sim_show(view)

    @call(str, passing=True)
    def focus_view(self, view):
        self._sim_show(view)

    def _sim_show(self, view):
        if view not in VIEWS:
            raise RuntimeError(f"Unknown view {view}")
        if self._sim.initialising:
            raise RuntimeError("Views cannot be changed while a script is made")
        if view in ("Session", "Arranger"):
            self._sim_set("focused_document_view", view)


class Application(LomObject):
    View = View

    view = Value(LomObject, read=lambda self: self._sim.application_view)
    control_surfaces = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim.scripts))
    open_dialog_count = Value(int, listenable=True, read=lambda self: 0)

    @call(returns="Song", changes=False)
    def get_document(self):
        return self._sim.song

    @call(returns=int, changes=False)
    def get_major_version(self):
        return self._sim.version[0]

    @call(returns=int, changes=False)
    def get_minor_version(self):
        return self._sim.version[1]

    @call(returns=int, changes=False)
    def get_bugfix_version(self):
        return self._sim.version[2]

    @call(returns=str, changes=False)
    def get_version_string(self):
        return ".".join(str(part) for part in self._sim.version)

    @call(returns=str, changes=False)
    def get_variant(self):
        return self._sim.edition

    @call(returns=str, changes=False)
    def get_build_id(self):
        return "simulated"

    @call(str, returns=bool, changes=False)
    def has_option(self, option_name):
        return False

    @call(
        str, Optional(int, 0), Optional(bool, False), Optional(bool, False), Optional(int, 0), returns=int, passing=True,
    )  # fmt: skip
    def show_on_the_fly_message(self, message, buttons, enable_markup, show_success_icon, push_dialog_type):
        """Blocks all of Live until the user presses a button."""
        self._sim.dialogs.append(message)
        return 0
