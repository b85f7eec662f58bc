-- An accompaniment for the selected part of each selected item, on tracks in a folder beside it.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local selection = require("punchin.selection")
  local source = require("punchin.source")
  local tempo = require("punchin.tempo")

  local parts = selection.parts()
  local answers = dialog.ask("Accompany", { "instruments", "prompt", "key", "takes", "seed", "engine" })
  if not answers then
    return
  end
  answers.tracks, answers.instruments = answers.instruments, nil
  for _, part in ipairs(parts) do
    local heard = source.part(part.item, part.from, part.to)
    local keys = action.with_source(answers, heard, part.item)
    tempo.add(keys, part.from, part.to, part.from)
    action.request("complete", keys, action.of_item(part.item, {
      how = "spread", folder = "accompaniment", part = "accompaniment", mute = 0,
      zero = heard.zero, from = part.from, to = part.to,
    }))
  end
end)
