-- A stretch of a track as a WAV file, before its effects, through an audio accessor.
local BLOCK = 16384
local CHANNELS = 2
local UNPACKED = 240 -- values that one call of table.unpack may give

local function header(frames, rate)
  local bytes = frames * CHANNELS * 4
  return "RIFF" .. string.pack("<I4", bytes + 50) .. "WAVE"
    .. "fmt " .. string.pack("<I4I2I2I4I4I2I2I2", 18, 3, CHANNELS, rate, rate * CHANNELS * 4, CHANNELS * 4, 32, 0)
    .. "fact" .. string.pack("<I4I4", 4, frames)
    .. "data" .. string.pack("<I4", bytes)
end

local function packed(values)
  local parts = {}
  for first = 1, #values, UNPACKED do
    local last = math.min(first + UNPACKED - 1, #values)
    parts[#parts + 1] = string.pack("<" .. ("f"):rep(last - first + 1), table.unpack(values, first, last))
  end
  return table.concat(parts)
end

-- Frames `first` to `first + frames` of the project at `rate`, as 32-bit float.
return function(track, path, first, frames, rate)
  local file = assert(io.open(path, "wb"), "cannot write " .. path)
  local accessor = reaper.CreateTrackAudioAccessor(track)
  local ok, problem = pcall(function()
    local buffer = reaper.new_array(BLOCK * CHANNELS)
    file:write(header(frames, rate))
    for done = 0, frames - 1, BLOCK do
      local count = math.min(BLOCK, frames - done)
      -- a stretch without items leaves the buffer as it is
      buffer.clear()
      reaper.GetAudioAccessorSamples(accessor, rate, CHANNELS, (first + done) / rate, count, buffer)
      file:write(packed(buffer.table(1, count * CHANNELS)))
    end
  end)
  reaper.DestroyAudioAccessor(accessor)
  file:close()
  if not ok then
    os.remove(path)
    error(problem, 0)
  end
end
