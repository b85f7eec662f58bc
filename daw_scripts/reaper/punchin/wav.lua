-- WAV files of 32-bit float.
local wav = {}

local UNPACKED = 240 -- values that one call of table.unpack may give

-- What stands before the samples.
function wav.header(frames, rate, channels)
  local bytes = frames * channels * 4
  return "RIFF" .. string.pack("<I4", bytes + 50) .. "WAVE"
    .. "fmt " .. string.pack("<I4I2I2I4I4I2I2I2", 18, 3, channels, rate, rate * channels * 4, channels * 4, 32, 0)
    .. "fact" .. string.pack("<I4I4", 4, frames)
    .. "data" .. string.pack("<I4", bytes)
end

-- Samples, interleaved, as they stand in the file.
function wav.packed(values)
  local parts = {}
  for first = 1, #values, UNPACKED do
    local last = math.min(first + UNPACKED - 1, #values)
    parts[#parts + 1] = string.pack("<" .. ("f"):rep(last - first + 1), table.unpack(values, first, last))
  end
  return table.concat(parts)
end

return wav
