-- What a track's playlist plays, as a WAV file: regions with their gains, fades and layers, before the track's effects.
local client = require("punchin.client")
local tracks = require("punchin.tracks")
local wav = require("punchin.wav")

local sound = {}

local BLOCK = 16384
local CONTEXT_SECONDS = 20

local function interleaved(blocks, count)
  local channels, values = #blocks, {}
  for channel, block in ipairs(blocks) do
    for frame = 1, count do
      values[(frame - 1) * channels + channel] = block[frame]
    end
  end
  return values
end

local function channels_of(regions)
  local channels = 1
  for _, region in ipairs(regions) do
    channels = math.max(channels, region:to_audioregion():n_channels())
  end
  return channels
end

local function write(file, playlist, from, frames, channels)
  -- result, and the two buffers that Ardour mixes in
  local memory = ARDOUR.DSP.DspShm(3 * BLOCK)
  for done = 0, frames - 1, BLOCK do
    local count = math.min(BLOCK, frames - done)
    local blocks = {}
    for channel = 1, channels do
      ARDOUR.DSP.memset(memory:to_float(0), 0, BLOCK)
      playlist:read(
        memory:to_float(0), memory:to_float(BLOCK), memory:to_float(2 * BLOCK),
        Temporal.timepos_t(from + done), Temporal.timecnt_t(count), channel - 1
      )
      blocks[channel] = memory:to_float(0):get_table(count)
    end
    file:write(wav.packed(interleaved(blocks, count)))
  end
end

-- The track's name as part of a file name.
local function file_name(track)
  local name = track:name()
  name = name:sub(1, (utf8.offset(name, 60) or 0) - 1)
  return (name:gsub('[%c/\\:*?"<>|%%]', " "):gsub("^[ .]+", ""):gsub("[ .]+$", ""))
end

-- Exactly these frames of a track: { path, name, zero, frames, rate }. `zero` is the session's frame where the file begins;
-- `name` is that of clips, and no other result's.
function sound.part(track, from, to)
  local rate, id = Session:nominal_sample_rate(), ("%x%04x"):format(os.time(), math.random(0, 0xffff))
  local path = ("%s/heard %s.wav"):format(client.session_folder(), id)
  local file = assert(io.open(path, "wb"), "cannot write " .. path)
  local channels = channels_of(tracks.regions(track, from, to))
  file:write(wav.header(to - from, rate, channels))
  local ok, problem = pcall(write, file, track:playlist():to_audioplaylist(), from, to - from, channels)
  file:close()
  if not ok then
    os.remove(path)
    error(problem, 0)
  end
  return { path = path, name = file_name(track) .. "_" .. id, zero = from, frames = to - from, rate = rate }
end

-- The same with what is heard around it, up to the last region of the track.
function sound.around(track, from, to)
  local context = CONTEXT_SECONDS * Session:nominal_sample_rate()
  local last = to
  for _, region in ipairs(tracks.regions(track, to, math.huge)) do
    last = math.max(last, region:position():samples() + region:length():samples())
  end
  return sound.part(track, math.max(0, from - context), math.min(last, to + context))
end

return sound
