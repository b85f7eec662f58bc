-- New music for the time selection, on each selected track or on a new one: its mix, or its parts on tracks in a folder,
-- with the notes that they play as MIDI where they are wanted.
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
  local fields = { "prompt", "lyrics", "key", "bring", "takes", "seed", "engine" }
  local answers = dialog.ask("Generate into selection", fields, hints.of("generate", { { from = from, to = to } }))
  if not answers then
    return
  end
  action.require_prompt(answers)
  local bring = answers.bring
  answers.bring = nil
  answers.stems = (bring == "parts" or bring == "midi") or nil
  answers.midi = bring == "midi" or nil
  local names = {}
  for _, track in ipairs(selection.tracks()) do
    names[#names + 1] = reaper.GetTrackGUID(track)
  end
  local requests = {}
  for number, name in ipairs(#names > 0 and names or { "" }) do
    local keys = action.keys(answers)
    keys.length, keys.position = to - from, from
    tempo.add(keys, from, to, from)
    local place = { how = "item", zero = from, track = name, item = "" }
    if answers.stems then
      place.how, place.folder, place.part, place.mute = "spread", "parts", "", 0
    end
    requests[number] = { keys = keys, place = place }
  end
  action.request("generate", requests)
end)
