-- A new instrument for the selected range, or the selected regions, on a new track.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local selection = require("punchin.selection")

return function(given)
  local parts = selection.parts()
  local answers = dialog.ask("Add an instrument", { "track", "prompt", "key", "takes", "seed", "engine" }, given)
  if answers then
    action.request_parts("lego", parts, answers, false)
  end
end
