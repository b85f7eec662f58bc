-- An accompaniment for the selected range, or the selected regions, on new tracks.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local selection = require("punchin.selection")

return function(given)
  local parts = selection.parts()
  local answers = dialog.ask("Accompany", { "instruments", "prompt", "key", "takes", "seed", "engine" }, given)
  if not answers then
    return
  end
  answers.tracks, answers.instruments = answers.instruments, nil
  action.request_parts("complete", parts, answers, false)
end
