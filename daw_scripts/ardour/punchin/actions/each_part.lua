-- Asks for each selected stretch by itself; the clips go on top where `on_top`, else to tracks of their own beside it.
local action = require("punchin.action")
local sound = require("punchin.sound")
local tempo = require("punchin.tempo")
local tracks = require("punchin.tracks")

return function(verb, parts, answers, on_top)
  for _, part in ipairs(parts) do
    local heard = sound.part(part.track, part.from, part.to)
    local keys = action.with_sound(answers, heard)
    tempo.add(keys, part.from, part.to, part.from)
    action.request(verb, keys, { how = on_top and "top" or "beside", track = tracks.id(part.track), zero = part.from })
  end
end
