-- An accompaniment for the selected range, or the selected regions, on new tracks.
local dialog = require("punchin.dialog")
local each_part = require("punchin.actions.each_part")
local selection = require("punchin.selection")

return function(given)
  local parts = selection.parts()
  local names = { "instruments", "prompt", "key", "midi", "takes", "seed", "engine" }
  local answers = dialog.ask("Accompany", names, given, parts)
  if not answers then
    return
  end
  answers.tracks, answers.instruments = answers.instruments, nil
  each_part("complete", parts, answers, false)
end
