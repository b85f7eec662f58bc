-- The selected part of each selected item in another style, as a new take.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local hints = require("punchin.hints")
  local selection = require("punchin.selection")

  local parts = selection.parts()
  local names = { "prompt", "lyrics", "key", "strength", "takes", "seed", "engine" }
  local answers = dialog.ask("Restyle", names, hints.of("cover", parts))
  if not answers then
    return
  end
  action.require_prompt(answers)
  action.request_parts("cover", parts, answers, function()
    return { how = "take" }
  end)
end)
