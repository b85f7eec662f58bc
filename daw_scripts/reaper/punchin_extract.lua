-- The stems of the selected part of each selected item, on tracks in a folder beside it.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local hints = require("punchin.hints")
  local selection = require("punchin.selection")

  local parts = selection.parts()
  local names = { "tracks", "hear", "midi", "mute", "engine" }
  local answers = dialog.ask("Extract stems to tracks", names, hints.of("extract", parts))
  if not answers then
    return
  end
  local mute = answers.mute or 0
  answers.mute = nil
  action.request_parts("extract", parts, answers, function()
    return { how = "spread", folder = "stems", part = "stem", mute = mute }
  end)
end)
