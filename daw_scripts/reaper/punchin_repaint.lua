-- Renders the selected part of each selected item again, so that it fits what surrounds it; the result is a new take.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local hints = require("punchin.hints")
  local selection = require("punchin.selection")
  local source = require("punchin.source")
  local tempo = require("punchin.tempo")

  local parts = selection.parts()
  local names = { "prompt", "lyrics", "key", "strength", "takes", "seed", "engine" }
  local answers = dialog.ask("Repaint selection", names, hints.of("repaint", parts))
  if not answers then
    return
  end
  local requests = {}
  for number, part in ipairs(parts) do
    local heard = source.around(part.item, part.from, part.to)
    local keys = action.with_source(answers, heard, part.item)
    keys.start, keys["end"] = part.from - heard.zero, part.to - heard.zero
    tempo.add(keys, heard.zero, heard.zero + heard.length, heard.zero)
    requests[number] = { keys = keys, place = action.of_item(part.item, {
      how = "take", zero = heard.zero, from = part.from, to = part.to,
    }, heard) }
  end
  action.request("repaint", requests)
end)
