-- The stems of the selected range of each of its tracks, or of the selected regions, on new tracks.
local dialog = require("punchin.dialog")
local each_part = require("punchin.actions.each_part")
local selection = require("punchin.selection")

return function(given)
  local parts = selection.parts()
  local answers = dialog.ask("Extract stems", { "tracks", "midi", "engine" }, given, parts)
  if answers then
    each_part("extract", parts, answers, false)
  end
end
