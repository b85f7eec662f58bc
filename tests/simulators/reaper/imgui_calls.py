"""The extension ReaImGui, as far as the panel draws: what is on the screen, and a user who clicks and types."""

from reaper.api import Fault
from reaper.model import Pointer

FIRST_USE_EVER = 4


class ImGuiCalls:
    """`clicks` and `typed` (text by label) are taken by the widgets that they name; `drawn` is the last whole window."""

    def _inside(self, ctx, *scopes):
        """Widgets stand in a window, and what is opened is closed in order."""
        if ctx is not self.gui_context or not self.gui_scopes:
            raise Fault("a widget outside of a window")
        if scopes and self.gui_scopes[-1] not in scopes:
            raise Fault(f"{scopes[0]} is closed inside of {self.gui_scopes[-1]}")

    def _draw(self, kind, label, value=None):
        self.gui_drawing.append((kind, label, value))

    def _is_clicked(self, label):
        if "disabled" in self.gui_scopes or label not in self.clicks:
            return False
        self.clicks.remove(label)
        return True

    def ImGui_CreateContext(self, label, flags=None):
        self.gui_context = Pointer()
        return self.gui_context

    def ImGui_Cond_FirstUseEver(self):
        return FIRST_USE_EVER

    def ImGui_SetNextWindowSize(self, ctx, width, height, condition=None):
        if self.gui_scopes:
            raise Fault("the size of the next window inside of one")

    def ImGui_Begin(self, ctx, name, is_open=None, flags=None):
        if ctx is not self.gui_context or self.gui_scopes:
            raise Fault("a window inside of another, or of another context")
        if self.gui_collapsed:
            return False, not self._is_clicked("close")
        self.gui_scopes.append("window")
        self.gui_drawing = []
        return True, not self._is_clicked("close")

    def ImGui_End(self, ctx):
        self._inside(ctx, "window")
        self.gui_scopes.pop()
        self.drawn = self.gui_drawing

    def ImGui_BeginDisabled(self, ctx, disabled=None):
        self._inside(ctx)
        self.gui_scopes.append("enabled" if disabled is False else "disabled")

    def ImGui_EndDisabled(self, ctx):
        self._inside(ctx, "enabled", "disabled")
        self.gui_scopes.pop()

    def ImGui_BeginCombo(self, ctx, label, preview, flags=None):
        """Opened by a click, and open until something in it is clicked."""
        self._inside(ctx)
        self._draw("combo", label, preview)
        if not self._is_clicked(label):
            return False
        self.gui_scopes.append("combo")
        return True

    def ImGui_EndCombo(self, ctx):
        self._inside(ctx, "combo")
        self.gui_scopes.pop()

    def ImGui_Selectable(self, ctx, label, selected=None, flags=None, width=None, height=None):
        self._inside(ctx)
        self._draw("selectable", label, bool(selected))
        clicked = self._is_clicked(label)
        return clicked, bool(selected) != clicked

    def ImGui_Button(self, ctx, label, width=None, height=None):
        self._inside(ctx)
        self._draw("button", label, "disabled" not in self.gui_scopes)
        return self._is_clicked(label)

    def ImGui_InputText(self, ctx, label, text, flags=None, callback=None):
        self._inside(ctx)
        self._draw("text", label, text)
        typed = self.typed.pop(label, text)
        return typed != text, typed

    def ImGui_InputTextMultiline(self, ctx, label, text, width=None, height=None, flags=None, callback=None):
        return self.ImGui_InputText(ctx, label, text)

    def ImGui_SliderInt(self, ctx, label, value, low, high, form=None, flags=None):
        self._inside(ctx)
        self._draw("slider", label, value)
        typed = self.typed.pop(label, value)
        if not low <= typed <= high:
            raise Fault(f"{typed} is no place of the slider {label}")
        return typed != value, typed

    def ImGui_ProgressBar(self, ctx, fraction, width=None, height=None, overlay=None):
        self._inside(ctx)
        if not 0 <= fraction <= 1:
            raise Fault(f"a progress of {fraction}")
        self._draw("progress", overlay, fraction)

    def ImGui_Text(self, ctx, text):
        self._inside(ctx)
        self._draw("label", text)

    def ImGui_SameLine(self, ctx, offset=None, spacing=None):
        self._inside(ctx)

    def ImGui_Separator(self, ctx):
        self._inside(ctx)
        self._draw("line", "")
