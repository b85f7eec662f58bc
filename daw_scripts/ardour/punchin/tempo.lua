-- The session's tempo as the daemon takes it: one value, or steps.
local tempo = {}

local SLOWEST, FASTEST = 30, 300 -- that a request may name
local STEP_SECONDS = 1 -- where the tempo glides
local TICKS = 1920 -- a quarter note

local function at(frame)
  return Temporal.timepos_t(frame)
end

-- Quarter notes a minute right behind a frame: on the frame of a change, rounding may give what was before.
local function bpm_at(frame)
  return Temporal.TempoMap.read():quarters_per_minute_at(at(frame + 1))
end

-- Frames from `from` on, before `to`, between which tempo and meter are taken as constant; found from the end, because a
-- tempo map tells only what holds at a time.
local function steps(from, to)
  local map, rate = Temporal.TempoMap.read(), Session:nominal_sample_rate()
  local frames, frame = {}, to - 1
  while frame >= from do
    local since = math.max(
      map:tempo_at(at(frame)):to_point():sample(rate), map:meter_at(at(frame)):to_point():sample(rate), from
    )
    local glides = math.abs(bpm_at(since) - bpm_at(frame - 1)) > 1e-6
    if glides then
      for step = since + (frame - since) // (STEP_SECONDS * rate) * (STEP_SECONDS * rate), since + 1, -STEP_SECONDS * rate do
        table.insert(frames, 1, step)
      end
    end
    table.insert(frames, 1, since)
    frame = since - 1
  end
  return frames
end

-- Quarter notes a minute on average, to a millionth; the exact tempo where it is constant.
local function mean(from, to)
  local value = bpm_at(from)
  if math.abs(value - bpm_at(to - 2)) > 1e-6 then
    value = (at(to):ticks() - at(from):ticks()) / TICKS * 60 * Session:nominal_sample_rate() / (to - from)
  end
  return math.floor(value * 1e6 + 0.5) / 1e6
end

local function meter(frame)
  local found = Temporal.TempoMap.read():meter_at(at(frame))
  return math.tointeger(found:divisions_per_bar()), math.tointeger(found:note_value())
end

-- Adds `bpm`, `meter` and, where the tempo changes between two frames, `tempo_map` in seconds from `zero`. A tempo that no
-- request may name is left out.
function tempo.add(keys, from, to, zero)
  local frames, rate = steps(from, to), Session:nominal_sample_rate()
  local lines, first = {}, nil
  for number, frame in ipairs(frames) do
    local bpm, beats, value = mean(frame, frames[number + 1] or to), meter(frame)
    if bpm < SLOWEST or bpm > FASTEST or not beats or not value then
      return
    end
    lines[number] = ("[%.9f,%.6f,%d,%d]"):format((frame - zero) / rate, bpm, beats, value)
    first = first or { bpm = bpm, meter = ("%d/%d"):format(beats, value) }
  end
  keys.bpm, keys.meter = first.bpm, first.meter
  if #lines > 1 then
    keys.tempo_map = "[" .. table.concat(lines, ",") .. "]"
  end
end

-- Bar and beat, as Ardour's clock shows them.
function tempo.bar_and_beat(frame)
  local found = Temporal.TempoMap.read():bbt_at(at(frame))
  return ("%d|%d"):format(found.bars, found.beats)
end

-- So many bars from a frame on, backwards where they are negative, in the meter that holds there.
function tempo.after_bars(frame, bars)
  local beats, value = meter(frame)
  local first = at(frame):ticks()
  local last = math.max(0, first + math.floor(bars * beats * 4 / value * TICKS + 0.5))
  -- a frame lies between two ticks: only their distance is exact
  local distance = Temporal.timepos_t.from_ticks(last):samples() - Temporal.timepos_t.from_ticks(first):samples()
  return math.max(0, frame + distance)
end

return tempo
