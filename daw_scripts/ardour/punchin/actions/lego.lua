-- A new instrument for the selected range, or the selected regions, on a new track.
local dialog = require("punchin.dialog")
local each_part = require("punchin.actions.each_part")
local selection = require("punchin.selection")

return function(given)
  local parts = selection.parts()
  local names = { "track", "prompt", "key", "midi", "takes", "seed", "engine" }
  local answers = dialog.ask("Add an instrument", names, given, parts)
  if answers then
    each_part("lego", parts, answers, false)
  end
end
