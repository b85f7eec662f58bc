-- The stems of the selected part of each selected item, on tracks in a folder beside it.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local selection = require("punchin.selection")
  local source = require("punchin.source")
  local tempo = require("punchin.tempo")

  local parts = selection.parts()
  local answers = dialog.ask("Extract stems to tracks", { "tracks", "mute", "engine" })
  if not answers then
    return
  end
  local mute = answers.mute or 0
  answers.mute = nil
  for _, part in ipairs(parts) do
    local heard = source.part(part.item, part.from, part.to)
    local keys = action.with_source(answers, heard, part.item)
    tempo.add(keys, part.from, part.to, part.from)
    action.request("extract", keys, action.of_item(part.item, {
      how = "spread", folder = "stems", part = "stem", mute = mute,
      zero = heard.zero, from = part.from, to = part.to,
    }))
  end
end)
