-- A stretch of a track as a WAV file, before its effects, through an audio accessor.
local wav = require("punchin.wav")

local BLOCK = 16384
local CHANNELS = 2

-- Frames `first` to `first + frames` of the project at `rate`, as 32-bit float.
return function(track, path, first, frames, rate)
  local file = assert(io.open(path, "wb"), "cannot write " .. path)
  local accessor = reaper.CreateTrackAudioAccessor(track)
  local ok, problem = pcall(function()
    local buffer = reaper.new_array(BLOCK * CHANNELS)
    file:write(wav.header(frames, rate, CHANNELS))
    for done = 0, frames - 1, BLOCK do
      local count = math.min(BLOCK, frames - done)
      -- a stretch without items leaves the buffer as it is
      buffer.clear()
      reaper.GetAudioAccessorSamples(accessor, rate, CHANNELS, (first + done) / rate, count, buffer)
      file:write(wav.packed(buffer.table(1, count * CHANNELS)))
    end
  end)
  reaper.DestroyAudioAccessor(accessor)
  file:close()
  if not ok then
    os.remove(path)
    error(problem, 0)
  end
end
