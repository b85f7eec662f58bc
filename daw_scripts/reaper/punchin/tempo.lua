-- The project's tempo as the daemon takes it.
local tempo = {}

local SLOWEST, FASTEST = 30, 300 -- that a request may name

-- Adds `bpm`, `meter` and, where the tempo changes between `from` and `to`, `tempo_map` in seconds from `zero`.
function tempo.add(keys, from, to, zero)
  local beats, value, bpm = reaper.TimeMap_GetTimeSigAtTime(0, from)
  if bpm < SLOWEST or bpm > FASTEST then
    return
  end
  keys.bpm, keys.meter = bpm, ("%d/%d"):format(beats, value)
  local changes = { ("[%.9f,%.9f,%d,%d]"):format(from - zero, bpm, beats, value) }
  for index = 0, reaper.CountTempoTimeSigMarkers(0) - 1 do
    local _, time = reaper.GetTempoTimeSigMarker(0, index)
    if time > from and time < to then
      beats, value, bpm = reaper.TimeMap_GetTimeSigAtTime(0, time)
      if bpm < SLOWEST or bpm > FASTEST then
        return
      end
      changes[#changes + 1] = ("[%.9f,%.9f,%d,%d]"):format(time - zero, bpm, beats, value)
    end
  end
  if #changes > 1 then
    keys.tempo_map = "[" .. table.concat(changes, ",") .. "]"
  end
end

return tempo
