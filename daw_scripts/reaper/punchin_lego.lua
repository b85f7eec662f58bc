-- One new instrument for the selected part of each selected item, on a track beside it.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local hints = require("punchin.hints")
  local selection = require("punchin.selection")

  local parts = selection.parts()
  local names = { "track", "hear", "prompt", "key", "midi", "takes", "seed", "engine" }
  local answers = dialog.ask("Add a track", names, hints.of("lego", parts))
  if not answers then
    return
  end
  action.request_parts("lego", parts, answers, function()
    return { how = "spread", folder = "", part = answers.track, mute = 0 }
  end)
end)
