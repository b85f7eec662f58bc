-- An accompaniment for the selected part of each selected item, on tracks in a folder beside it.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local hints = require("punchin.hints")
  local selection = require("punchin.selection")

  local parts = selection.parts()
  local names = { "instruments", "hear", "prompt", "key", "midi", "takes", "seed", "engine" }
  local answers = dialog.ask("Accompany", names, hints.of("complete", parts))
  if not answers then
    return
  end
  answers.tracks, answers.instruments = answers.instruments, nil
  action.request_parts("complete", parts, answers, function()
    return { how = "spread", folder = "accompaniment", part = "accompaniment", mute = 0 }
  end)
end)
