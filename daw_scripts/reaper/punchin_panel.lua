-- A window that stays open: prompt, lyrics, takes, presets, what is rendered, and the takes of the selected item. Needs the
-- extension ReaImGui; everything in it is there as an action, too.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"

local STOP_WHEN_RUN_AGAIN, LIT, DARK = 1, 4, 8

require("punchin.action").run(function()
  local panel = require("punchin.panel")

  if not panel.is_possible() then
    require("punchin.refuse")("The panel needs ReaImGui, which ReaPack installs; every action works without it.")
  end
  reaper.set_action_options(STOP_WHEN_RUN_AGAIN | LIT)
  reaper.atexit(function() reaper.set_action_options(DARK) end)
  local draw = panel.new(folder)
  local function turn()
    if draw() then
      reaper.defer(turn)
    end
  end
  reaper.defer(turn)
end)
