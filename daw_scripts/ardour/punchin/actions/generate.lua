-- New music for the selected range: on the one track it is drawn on where nothing plays there, else on a new track.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local refuse = require("punchin.refuse")
local selection = require("punchin.selection")
local tempo = require("punchin.tempo")
local tracks = require("punchin.tracks")

return function(given)
  local from, to = selection.range()
  if not from then
    refuse("Select a range first: it says how long the music is to be.")
  end
  local on = selection.tracks()
  local parts = { { track = #on == 1 and on[1] or nil, from = from, to = to } }
  local answers = dialog.ask("Generate into range", { "prompt", "lyrics", "key", "takes", "seed", "engine" }, given, parts)
  if not answers then
    return
  end
  action.require_prompt(answers)
  local keys, rate = action.keys(answers), Session:nominal_sample_rate()
  keys.length, keys.position = (to - from) / rate, from / rate
  keys.name = ("punchin_%x%04x"):format(os.time(), math.random(0, 0xffff))
  tempo.add(keys, from, to, from)
  action.request("generate", keys, { how = "free", track = #on == 1 and tracks.id(on[1]) or "", zero = from })
end
