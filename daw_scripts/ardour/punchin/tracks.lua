-- Audio tracks: by identity, by what is selected, and new ones; and MIDI tracks for their notes.
local tracks = {}

local CHANNELS_OUT = 2
local COLOURS = { -- as 0xRRGGBBAA
  drums = 0xd65d4dff, percussion = 0xe28c52ff, bass = 0x7856a8ff, guitar = 0x689f38ff, keyboard = 0x4285baff,
  synth = 0x009696ff, strings = 0xb0803cff, brass = 0xcdaa28ff, woodwinds = 0x5a966eff, vocals = 0xdb568eff,
  backing_vocals = 0xba68a0ff, fx = 0x78828cff,
}

function tracks.id(track)
  return track:to_stateful():id():to_s()
end

-- A route as an audio track, or nil where it is none.
function tracks.audio(route)
  if route:isnil() then
    return nil
  end
  local track = route:to_track()
  return not track:isnil() and not track:to_audio_track():isnil() and track or nil
end

-- Nil once the user has deleted it.
function tracks.find(id)
  return id ~= "" and tracks.audio(Session:route_by_id(PBD.ID(id))) or nil
end

-- The track that a region lies on.
function tracks.of_region(region)
  local id = region:to_stateful():id()
  for route in Session:get_tracks():iter() do
    local track = tracks.audio(route)
    if track and not track:playlist():region_by_id(id):isnil() then
      return track
    end
  end
end

local function new(name, channels, order)
  local made = Session:new_audio_track(
    channels, CHANNELS_OUT, nil, 1, name, order, ARDOUR.TrackMode.Normal, true
  )
  return made:front():to_track()
end

function tracks.at_end(name, channels)
  return new(name, channels, ARDOUR.PresentationInfo.max_order)
end

local function behind(track)
  return track:presentation_info_ptr():order() + 1
end

local function coloured(track, instrument)
  if COLOURS[instrument] then
    track:presentation_info_ptr():set_color(COLOURS[instrument])
  end
  return track
end

-- A new track right behind another one.
function tracks.after(track, name, channels, instrument)
  return coloured(new(name, channels, behind(track)), instrument)
end

-- The same for notes. It has no instrument: which one is the user's choice.
function tracks.notes_after(track, name, instrument)
  local one = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
  local made = Session:new_midi_track(
    one, one, true, ARDOUR.PluginInfo(), nil, nil, 1, name, behind(track), ARDOUR.TrackMode.Normal, true
  )
  return coloured(made:front():to_track(), instrument)
end

-- Regions of a track that lie in a stretch of frames.
function tracks.regions(track, from, to)
  local found = {}
  for region in track:playlist():region_list():iter() do
    local start = region:position():samples()
    if start < to and start + region:length():samples() > from and not region:to_audioregion():isnil() then
      found[#found + 1] = region
    end
  end
  return found
end

return tracks
