-- The stems of the selected range of each of its tracks, or of the selected regions, on new tracks.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local selection = require("punchin.selection")

return function(given)
  local parts = selection.parts()
  local answers = dialog.ask("Extract stems", { "tracks", "engine" }, given)
  if answers then
    action.request_parts("extract", parts, answers, false)
  end
end
