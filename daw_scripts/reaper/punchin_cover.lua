-- The selected part of each selected item in another style, as a new take.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local selection = require("punchin.selection")
  local source = require("punchin.source")
  local tempo = require("punchin.tempo")

  local parts = selection.parts()
  local answers = dialog.ask("Restyle", { "prompt", "lyrics", "key", "strength", "takes", "seed", "engine" })
  if not answers then
    return
  end
  action.require_prompt(answers)
  for _, part in ipairs(parts) do
    local heard = source.part(part.item, part.from, part.to)
    local keys = action.with_source(answers, heard, part.item)
    tempo.add(keys, part.from, part.to, part.from)
    action.request("cover", keys, action.of_item(part.item, {
      how = "take", gain = heard.gain,
      zero = heard.zero, from = part.from, to = part.to,
    }))
  end
end)
