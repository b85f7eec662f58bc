-- Tells tempo, key, meter, chords and words of the selected part of each selected item.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local hints = require("punchin.hints")
  local selection = require("punchin.selection")
  local source = require("punchin.source")

  local parts = selection.parts()
  local names = { "hear", "language", "engine" }
  local answers = dialog.ask("Understand selection", names, hints.of("understand", parts))
  if not answers then
    return
  end
  local requests = {}
  for number, part in ipairs(parts) do
    local heard = source.part(part.item, part.from, part.to, answers.hear)
    local keys = { language = answers.language, engine = answers.engine }
    keys.source, keys.source_start, keys.source_length = heard.path, heard.file_start, heard.length
    requests[number] = { keys = keys, place = action.of_item(part.item, { how = "describe" }, heard) }
  end
  action.request("understand", requests)
end)
