-- Gives a key to one of punchin's actions, in REAPER's own dialog, which says where a key is taken.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

local MAIN_SECTION = 0
local ADD = -1

action.run(function()
  local ok, name = reaper.GetUserInputs("punchin: Hotkeys", 1, "Action (as repaint),extrawidth=100", "repaint")
  if not ok then
    return
  end
  local path = ("%spunchin_%s.lua"):format(folder, name)
  if not name:match("^[%a_]+$") or not reaper.file_exists(path) then
    require("punchin.refuse")("There is no action %s: its file would be %s.", name, path)
  end
  local command = reaper.AddRemoveReaScript(true, MAIN_SECTION, path, true)
  reaper.DoActionShortcutDialog(reaper.GetMainHwnd(), reaper.SectionFromUniqueID(MAIN_SECTION), command, ADD)
end)
