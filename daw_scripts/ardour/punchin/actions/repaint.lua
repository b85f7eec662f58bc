-- Renders the selected range of each of its tracks, or the selected regions, again, so that it fits what surrounds it.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local selection = require("punchin.selection")
local sound = require("punchin.sound")
local tempo = require("punchin.tempo")
local tracks = require("punchin.tracks")

return function(given)
  local parts = selection.parts()
  local answers = dialog.ask("Repaint", { "prompt", "lyrics", "key", "strength", "takes", "seed", "engine" }, given, parts)
  if not answers then
    return
  end
  for _, part in ipairs(parts) do
    local heard = sound.around(part.track, part.from, part.to)
    local keys = action.with_sound(answers, heard)
    keys.start, keys["end"] = (part.from - heard.zero) / heard.rate, (part.to - heard.zero) / heard.rate
    tempo.add(keys, heard.zero, heard.zero + heard.frames, heard.zero)
    action.request("repaint", keys, { how = "top", track = tracks.id(part.track), zero = heard.zero })
  end
end
