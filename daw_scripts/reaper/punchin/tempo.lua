-- The project's tempo as the daemon takes it: one value, or steps.
local tempo = {}

local SLOWEST, FASTEST = 30, 300 -- that a request may name
local STEP_SECONDS = 1 -- where the tempo glides

-- Rising times from `from` on, before `to`, between which the tempo is taken as constant.
local function steps(from, to)
  local times = { from }
  local count = reaper.CountTempoTimeSigMarkers(0)
  for index = 0, count - 1 do
    local _, time, _, _, _, _, _, glides = reaper.GetTempoTimeSigMarker(0, index)
    local following = to
    if index + 1 < count then
      _, following = reaper.GetTempoTimeSigMarker(0, index + 1)
    end
    repeat
      if time > from and time < to then
        times[#times + 1] = time
      end
      time = time + STEP_SECONDS
    until not glides or index + 1 == count or time >= following
  end
  return times
end

-- Quarter notes a minute on average, to a millionth.
local function mean(from, to)
  local quarters = reaper.TimeMap2_timeToQN(0, to) - reaper.TimeMap2_timeToQN(0, from)
  return math.floor(quarters * 60 / (to - from) * 1e6 + 0.5) / 1e6
end

-- Adds `bpm`, `meter` and, where the tempo changes between `from` and `to`, `tempo_map` in seconds from `zero`. A tempo
-- that no request may name is left out.
function tempo.add(keys, from, to, zero)
  local times = steps(from, to)
  local changes = {}
  for number, time in ipairs(times) do
    local bpm = mean(time, times[number + 1] or to)
    local beats, value = reaper.TimeMap_GetTimeSigAtTime(0, time)
    if bpm < SLOWEST or bpm > FASTEST then
      return
    end
    changes[number] = { time - zero, bpm, beats, value }
  end
  local _, bpm, beats, value = table.unpack(changes[1])
  keys.bpm, keys.meter = bpm, ("%d/%d"):format(beats, value)
  if #changes > 1 then
    local lines = {}
    for number, change in ipairs(changes) do
      lines[number] = ("[%.9f,%.6f,%d,%d]"):format(table.unpack(change))
    end
    keys.tempo_map = "[" .. table.concat(lines, ",") .. "]"
  end
end

return tempo
