-- Clips of the daemon as regions of the session.
local regions = {}

local function known_regions()
  local known = {}
  for _, region in ARDOUR.RegionFactory.regions():iter() do
    known[region:to_stateful():id():to_s()] = true
  end
  return known
end

-- The clip's file in the session, as a region of all of it. Ardour makes an undo step without effect of each import, and
-- does not take it into another one.
function regions.import(path)
  local known, files = known_regions(), C.StringVector()
  files:push_back(path)
  Editor:do_import(
    files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
    ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
    Temporal.timepos_t(0), ARDOUR.PluginInfo(), ARDOUR.Track(), false
  )
  for _, region in ARDOUR.RegionFactory.regions():iter() do
    if not known[region:to_stateful():id():to_s()] and region:whole_file() then
      return region
    end
  end
  error("Ardour could not read " .. path, 0)
end

local function name_of(clip, place)
  if clip.track ~= "mix" then
    return clip.track
  end
  return ("%s (seed %d)"):format(place.prompt ~= "" and place.prompt or place.verb, clip.seed)
end

-- Seams are in the audio: a fade is there only where the clip overlaps its source.
local function set_fades(audio, place)
  audio:set_fade_in_active(place.fade_in ~= nil)
  audio:set_fade_out_active(place.fade_out ~= nil)
  if place.fade_in then
    audio:set_fade_in_shape(ARDOUR.FadeShape.FadeLinear)
    audio:set_fade_in_length(place.fade_in)
  end
  if place.fade_out then
    audio:set_fade_out_shape(ARDOUR.FadeShape.FadeLinear)
    audio:set_fade_out_length(place.fade_out)
  end
end

-- A region of the clip whose first frame belongs at `position`; no more of it is shown than from `first` to `last`.
function regions.add(playlist, clip, place, position)
  local region = ARDOUR.RegionFactory.clone_region(clip.whole, true, false)
  local first = math.max(place.first or position, position)
  local last = math.min(place.last or math.huge, position + region:length():samples())
  region:set_name(name_of(clip, place))
  if first > position then
    region:set_start(Temporal.timepos_t(first - position))
  end
  region:set_length(Temporal.timecnt_t(last - first))
  playlist:add_region(region, Temporal.timepos_t(first), 1, false, 0, 0, false)
  set_fades(region:to_audioregion(), place)
  region:raise_to_top()
end

return regions
