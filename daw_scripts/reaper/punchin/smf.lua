-- Standard MIDI files: the notes of one, in seconds.
local smf = {}

local DEFAULT_TEMPO = 500000 -- microseconds a quarter note
local NOTE_OFF, NOTE_ON, PROGRAM, PRESSURE, META, SYSEX, SYSEX_ON = 0x80, 0x90, 0xC0, 0xD0, 0xFF, 0xF0, 0xF7
local TEMPO = 0x51

local function variable_length(bytes, at)
  local value = 0
  repeat
    local byte = bytes:byte(at)
    value, at = value << 7 | byte & 0x7f, at + 1
  until byte < 0x80
  return value, at
end

-- Adds the events of one track: { tick, kind, channel, first, second } and { tick, TEMPO, microseconds }.
local function read_track(bytes, at, stop, events)
  local tick, status = 0, nil
  while at < stop do
    local delta, kind, length
    delta, at = variable_length(bytes, at)
    tick = tick + delta
    if bytes:byte(at) >= 0x80 then
      status, at = bytes:byte(at), at + 1
    end
    if status == META then
      kind = bytes:byte(at)
      length, at = variable_length(bytes, at + 1)
      if kind == TEMPO then
        events[#events + 1] = { tick, TEMPO, (string.unpack(">I3", bytes, at)) }
      end
      at = at + length
    elseif status == SYSEX or status == SYSEX_ON then
      length, at = variable_length(bytes, at)
      at = at + length
    else
      kind = status & 0xF0
      if kind == NOTE_ON or kind == NOTE_OFF then
        events[#events + 1] = { tick, kind, status & 0x0F, bytes:byte(at, at + 1) }
      end
      at = at + ((kind == PROGRAM or kind == PRESSURE) and 1 or 2)
    end
  end
end

-- Notes of events in order of time.
local function notes_of(events, division)
  local notes, sounding = {}, {}
  local seconds, last_tick, tempo = 0, 0, DEFAULT_TEMPO
  for _, event in ipairs(events) do
    local tick, kind, channel, pitch, velocity = table.unpack(event)
    seconds = seconds + (tick - last_tick) * tempo / division / 1e6
    last_tick = tick
    if kind == TEMPO then
      tempo = channel
    else
      local key = channel << 7 | pitch
      if sounding[key] then
        sounding[key].stop = seconds
        sounding[key] = nil
      end
      if kind == NOTE_ON and velocity > 0 then
        local note = { start = seconds, stop = seconds, channel = channel, pitch = pitch, velocity = velocity }
        notes[#notes + 1], sounding[key] = note, note
      end
    end
  end
  return notes
end

-- Each { start, stop, channel, pitch, velocity }, in order; an error where the file is none.
function smf.notes(path)
  local file = assert(io.open(path, "rb"), "cannot read " .. path)
  local bytes = file:read("a")
  file:close()
  assert(bytes:sub(1, 4) == "MThd", path .. " is no MIDI file")
  local division = string.unpack(">I2", bytes, 13)
  assert(division < 0x8000, path .. " counts no beats")
  local events, at = {}, 9 + string.unpack(">I4", bytes, 5)
  while at < #bytes do
    local name, length = string.unpack(">c4I4", bytes, at)
    if name == "MTrk" then
      read_track(bytes, at + 8, at + 8 + length, events)
    end
    at = at + 8 + length
  end
  for number, event in ipairs(events) do
    event.number = number
  end
  table.sort(events, function(one, other)
    if one[1] ~= other[1] then
      return one[1] < other[1]
    end
    -- what ends comes before what begins
    local one_begins, other_begins = one[2] == NOTE_ON, other[2] == NOTE_ON
    return one_begins ~= other_begins and other_begins or one_begins == other_begins and one.number < other.number
  end)
  return notes_of(events, division)
end

return smf
