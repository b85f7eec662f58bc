-- The selected range of each of its tracks, or the selected regions, in another style.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local each_part = require("punchin.actions.each_part")
local selection = require("punchin.selection")

return function(given)
  local parts = selection.parts()
  local answers = dialog.ask("Cover", { "prompt", "lyrics", "key", "strength", "takes", "seed", "engine" }, given, parts)
  if not answers then
    return
  end
  action.require_prompt(answers)
  each_part("cover", parts, answers, true)
end
