-- Lets the tests look into Ardour, and do what a user does with the mouse.
ardour { ["type"] = "EditorHook", name = "window of the tests", author = "punchin", license = "MIT" }

function signals()
  return LuaSignal.Set():add({ [LuaSignal.LuaTimerDS] = true })
end

function factory()
  local function track_named(name)
    return Session:route_by_name(name):to_track()
  end

  -- Puts the whole of a file on a new track, without fades, at a frame.
  function new_track(name, channels, file, position)
    Session:new_audio_track(
      channels, 2, nil, 1, name, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true
    )
    if not file then
      return
    end
    local whole
    for _, region in ARDOUR.RegionFactory.regions():iter() do
      if region:whole_file() and region:source(0):name():find(file:match("([^/]*)%.wav$"), 1, true) then
        whole = region
      end
    end
    if not whole then
      local known, files = {}, C.StringVector()
      for _, region in ARDOUR.RegionFactory.regions():iter() do
        known[region:to_stateful():id():to_s()] = true
      end
      files:push_back(file)
      Editor:do_import(
        files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
        ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
        Temporal.timepos_t(0), ARDOUR.PluginInfo(), ARDOUR.Track(), false
      )
      for _, region in ARDOUR.RegionFactory.regions():iter() do
        whole = not known[region:to_stateful():id():to_s()] and region or whole
      end
    end
    local region = ARDOUR.RegionFactory.clone_region(whole, true, false)
    region:to_audioregion():set_fade_in_active(false)
    region:to_audioregion():set_fade_out_active(false)
    track_named(name):playlist():add_region(region, Temporal.timepos_t(position), 1, false, 0, 0, false)
  end

  -- As clicking on the track's name and drawing a range does.
  function select_range(name, from, to)
    Editor:deselect_all()
    for _ = 1, 100 do
      Editor:access_action("Editor", "select-next-route")
      local selected = Editor:get_selection().tracks:routelist()
      if not selected:empty() and selected:front():name() == name then
        break
      end
    end
    Editor:set_loop_range(Temporal.timepos_t(from), Temporal.timepos_t(to), "loop")
    Editor:access_action("Editor", "select-loop-range")
  end

  -- The uppermost region of a track, or of those that begin at a frame.
  local function top_region(name, begin)
    local top
    for region in track_named(name):playlist():region_list():iter() do
      if not begin or region:position():samples() == begin then
        top = (not top or region:layer() > top:layer()) and region or top
      end
    end
    return top
  end

  function select_region(name, begin)
    Editor:deselect_all()
    local list = ArdourUI.SelectionList()
    list:push_back(Editor:regionview_from_region(top_region(name, begin)))
    Editor:set_selection(list, ArdourUI.SelectionOp.Set)
  end

  -- Drags the uppermost region to a frame, and its beginning to another one.
  function move_region(name, to, begin)
    local region = top_region(name)
    region:set_position(Temporal.timepos_t(to))
    region:trim_front(Temporal.timepos_t(begin))
  end

  -- Records on a track, until the transport is stopped again.
  function record(name)
    track_named(name):rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
    Session:maybe_enable_record()
    Session:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
  end

  function stop_recording(name)
    Session:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
    track_named(name):rec_enable_control():set_value(0, PBD.GroupControlDisposition.NoGroup)
  end

  -- One region a line, the lowest first: name, position, length, layer, fades, which notes have none of.
  function regions(name)
    local found = {}
    for region in track_named(name):playlist():region_list():iter() do
      local audio = region:to_audioregion()
      local faded = not audio:isnil()
      local line = table.concat({
        region:name(), region:position():samples(), region:length():samples(), region:layer(),
        tostring(faded and audio:fade_in_active()), tostring(faded and audio:fade_out_active()),
      }, "\t")
      found[#found + 1] = { order = region:layer() * 2 ^ 40 + region:position():samples(), line = line }
    end
    table.sort(found, function(one, other) return one.order < other.order end)
    for number, region in ipairs(found) do
      found[number] = region.line
    end
    return table.concat(found, "\n")
  end

  -- Pitch and first frame of every note of a track's only region, one a line.
  function notes(name)
    local region, found = top_region(name), {}
    for note in ARDOUR.LuaAPI.note_list(region:to_midiregion():model()):iter() do
      local beats, more = note:time():str():match("(%d+):(%d+)")
      local ticks = region:position():ticks() + math.tointeger(beats) * 1920 + math.tointeger(more)
      found[#found + 1] = ("%d\t%d"):format(note:note(), Temporal.timepos_t.from_ticks(ticks):samples())
    end
    return table.concat(found, "\n")
  end

  -- Plays a track's notes by the synthesizer that comes with Ardour.
  function play_notes(name)
    local synth = ARDOUR.LuaAPI.new_plugin(
      Session, "https://community.ardour.org/node/7596", ARDOUR.PluginType.LV2, ""
    )
    assert(not synth:isnil(), "no synthesizer")
    track_named(name):add_processor_by_index(synth, 0, nil, true)
  end

  function solo(name, value)
    track_named(name):solo_control():set_value(value, PBD.GroupControlDisposition.NoGroup)
  end

  function track_names()
    local names = {}
    for route in Session:get_tracks():iter() do
      names[route:presentation_info_ptr():order() + 1] = route:name()
    end
    local list = {}
    for at = 0, 200 do
      list[#list + 1] = names[at]
    end
    return table.concat(list, "\n")
  end

  function export(folder, name, from, to)
    local export = Session:simple_export()
    assert(export:set_preset("11111111-2222-3333-4444-555555555555"), "no preset")
    export:set_folder(folder)
    export:set_name(name)
    export:set_range(from, to)
    assert(export:run_export(), "no export")
  end

  local folder = os.getenv("PUNCHIN_WINDOW")
  return function(signal)
    if signal ~= LuaSignal.LuaTimerDS then
      return
    end
    local file = io.open(folder .. "/ask.lua", "r")
    if not file then
      return
    end
    local number, code = file:read("l"), file:read("a")
    file:close()
    os.remove(folder .. "/ask.lua")
    local chunk, problem = load(code)
    local ok, result = false, problem
    if chunk then
      ok, result = pcall(chunk)
    end
    local answer = io.open(folder .. "/answer.new", "w")
    answer:write(tostring(ok), "\n", tostring(result))
    answer:close()
    os.rename(folder .. "/answer.new", folder .. "/answer-" .. number)
  end
end
