-- New music for the time selection, on each selected track or on a new one.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local hints = require("punchin.hints")
  local refuse = require("punchin.refuse")
  local selection = require("punchin.selection")
  local tempo = require("punchin.tempo")

  local from, to = selection.time()
  if not from then
    refuse("Make a time selection first: it says how long the music is to be.")
  end
  local fields = { "prompt", "lyrics", "key", "takes", "seed", "engine" }
  local answers = dialog.ask("Generate into selection", fields, hints.of("generate", { { from = from, to = to } }))
  if not answers then
    return
  end
  action.require_prompt(answers)
  local names = {}
  for _, track in ipairs(selection.tracks()) do
    names[#names + 1] = reaper.GetTrackGUID(track)
  end
  local requests = {}
  for number, name in ipairs(#names > 0 and names or { "" }) do
    local keys = action.keys(answers)
    keys.length, keys.position = to - from, from
    tempo.add(keys, from, to, from)
    requests[number] = { keys = keys, place = { how = "item", zero = from, track = name, item = "" } }
  end
  action.request("generate", requests)
end)
