-- Asks this REAPER what punchin's scripts take for granted, in a project tab of its own, and writes the answers down.
-- To be run by hand; it asks for one OK. The report is conformance.txt in REAPER's resource folder: send it along with a
-- bug report. Close the tab afterwards without saving.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local edit = require("punchin.edit")
local lanes = require("punchin.lanes")
local render = require("punchin.render")
local tracks = require("punchin.tracks")
local udp = require("punchin.udp")

local NEW_PROJECT_TAB = 40859
local RATE = 44100
local STEP = 1 / 50000 -- of the ramp that is listened to
local INSTALLED = "[/\\]Scripts[/\\]punchin[/\\]$"
local NAME_OF_REPAINT = "RSc560836db9c0c6f1e2cca4db15f63ff88028107c" -- where it is installed

local function write(path, bytes)
  local file = assert(io.open(path, "wb"), "cannot write " .. path)
  file:write(bytes)
  file:close()
end

-- One second that rises by STEP a frame: what is heard tells when it is heard.
local function ramp()
  local frames = {}
  for frame = 0, RATE - 1 do
    frames[#frames + 1] = string.pack("<f", frame * STEP)
  end
  local data = table.concat(frames)
  local path = reaper.GetResourcePath() .. "/punchin Prüfung ♯.wav"
  local format = string.pack("<I4I2I2I4I4I2I2", 16, 3, 1, RATE, RATE * 4, 4, 32)
  local head = "RIFF" .. string.pack("<I4", #data + 36) .. "WAVEfmt " .. format .. "data" .. string.pack("<I4", #data)
  write(path, head .. data)
  return path
end

local path = ramp()

local function new_item(track, position)
  local item = reaper.AddMediaItemToTrack(track)
  local take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(path))
  for name, value in pairs({ D_POSITION = position, D_LENGTH = 1, D_FADEINLEN = 0, D_FADEOUTLEN = 0, B_LOOPSRC = 0 }) do
    reaper.SetMediaItemInfo_Value(item, name, value)
  end
  return item, take
end

-- Result and first value of a read of 64 frames, into a buffer that holds 0.25.
local function heard(track, time)
  local accessor = reaper.CreateTrackAudioAccessor(track)
  local buffer = reaper.new_array(64)
  buffer.clear(0.25)
  local result = reaper.GetAudioAccessorSamples(accessor, RATE, 1, time, 64, buffer)
  reaper.DestroyAudioAccessor(accessor)
  return result, buffer.table(1, 1)[1]
end

local function near(value, wanted)
  assert(math.abs(value - wanted) < 20 * STEP, ("%.6f came, %.6f was expected"):format(value, wanted))
end

local function same(value, wanted)
  assert(value == wanted, ("%s came, %s was expected"):format(value, wanted))
end

local function depths()
  local found = {}
  for index = 0, reaper.CountTracks(0) - 1 do
    found[#found + 1] = ("%d"):format(reaper.GetMediaTrackInfo_Value(reaper.GetTrack(0, index), "I_FOLDERDEPTH") // 1)
  end
  return table.concat(found, " ")
end

local track, item, take
local checks = {
  { "files have names in UTF-8", function()
    local name = reaper.GetResourcePath() .. "/punchin ♭"
    write(name .. ".tmp", "x")
    assert(os.rename(name .. ".tmp", name))
    assert(reaper.file_exists(name))
    os.remove(name)
  end },
  { "a track accessor counts the project's time", function()
    track = tracks.at_end("accessor")
    item, take = new_item(track, 2)
    local result, value = heard(track, 2.5)
    same(result, 1)
    near(value, RATE / 2 * STEP)
  end },
  { "where nothing plays 0 comes, and the buffer stays", function()
    local result, value = heard(track, 10)
    same(result, 0)
    same(value, 0.25)
  end },
  { "an accessor hears the item's volume and not the track's", function()
    reaper.SetMediaItemInfo_Value(item, "D_VOL", 0.5)
    reaper.SetMediaTrackInfo_Value(track, "D_VOL", 0.1)
    near(select(2, heard(track, 2.5)), RATE / 4 * STEP)
    reaper.SetMediaItemInfo_Value(item, "D_VOL", 1)
  end },
  { "an accessor hears the play rate", function()
    reaper.SetMediaItemTakeInfo_Value(take, "B_PPITCH", 0)
    reaper.SetMediaItemTakeInfo_Value(take, "D_PLAYRATE", 2)
    near(select(2, heard(track, 2.25)), RATE / 2 * STEP)
    reaper.SetMediaItemTakeInfo_Value(take, "D_PLAYRATE", 1)
  end },
  { "an accessor hears the take's pan", function()
    reaper.SetMediaItemTakeInfo_Value(take, "D_PAN", 1)
    local accessor = reaper.CreateTrackAudioAccessor(track)
    local buffer = reaper.new_array(128)
    buffer.clear()
    reaper.GetAudioAccessorSamples(accessor, RATE, 2, 2.5, 64, buffer)
    reaper.DestroyAudioAccessor(accessor)
    reaper.SetMediaItemTakeInfo_Value(take, "D_PAN", 0)
    near(buffer.table(1, 1)[1], 0)
    near(buffer.table(2, 1)[1], RATE / 2 * STEP)
  end },
  { "an accessor hears stretch markers", function()
    reaper.SetTakeStretchMarker(take, -1, 0, 0)
    reaper.SetTakeStretchMarker(take, -1, 0.5, 0.25)
    reaper.SetTakeStretchMarker(take, -1, 1, 1)
    local _, value = heard(track, 2.5)
    reaper.DeleteTakeStretchMarkers(take, 0, 3)
    assert(math.abs(value - RATE / 4 * STEP) < 0.02, ("%.6f came, %.6f was expected"):format(value, RATE / 4 * STEP))
  end },
  { "a muted item is not heard", function()
    reaper.SetMediaItemInfo_Value(item, "B_MUTE", 1)
    local result, value = heard(track, 2.5)
    assert(result == 0 or value == 0, value)
    reaper.SetMediaItemInfo_Value(item, "B_MUTE", 0)
  end },
  { "a split leaves the name to the left part, and the right one goes on in the file", function()
    local _, before = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
    local right = reaper.SplitMediaItem(item, 2.25)
    local _, after = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
    same(after, before)
    near(reaper.GetMediaItemTakeInfo_Value(reaper.GetActiveTake(right), "D_STARTOFFS"), 0.25)
    near(reaper.GetMediaItemInfo_Value(right, "D_LENGTH"), 0.75)
  end },
  { "two takes play one file", function()
    local second = reaper.AddTakeToMediaItem(item)
    assert(reaper.SetMediaItemTake_Source(second, reaper.PCM_Source_CreateFromFile(path)))
    reaper.SetActiveTake(second)
    near(select(2, heard(track, 2.1)), RATE / 10 * STEP)
  end },
  { "a take offset may be negative", function()
    reaper.SetMediaItemTakeInfo_Value(reaper.GetActiveTake(item), "D_STARTOFFS", -0.05)
    near(select(2, heard(track, 2.1)), RATE / 20 * STEP)
  end },
  { "a new track takes over the end of a folder", function()
    local parent, last = tracks.at_end("parent"), tracks.at_end("last")
    reaper.SetMediaTrackInfo_Value(parent, "I_FOLDERDEPTH", 1)
    reaper.SetMediaTrackInfo_Value(last, "I_FOLDERDEPTH", -1)
    tracks.after(last, "new")
    same(depths(), "0 1 0 -1")
    tracks.in_folder(last, "stems", "drums")
    same(depths(), "0 1 0 1 -1 -1")
  end },
  { "what is kept under P_EXT comes back", function()
    reaper.GetSetMediaTrackInfo_String(track, "P_EXT:punchin", "a=ü&b=%25", true)
    local _, text = reaper.GetSetMediaTrackInfo_String(track, "P_EXT:punchin", "", false)
    same(text, "a=ü&b=%25")
  end },
  { "a copy on a lane of its own is what plays, and the item stays", function()
    local with_lanes = tracks.at_end("lanes")
    local whole = new_item(with_lanes, 2)
    local copy = lanes.copy_of(whole, "conformance")
    assert(copy ~= whole, "there is no copy")
    same(reaper.GetMediaItemInfo_Value(whole, "I_FIXEDLANE"), 0)
    same(reaper.GetMediaItemInfo_Value(copy, "I_FIXEDLANE"), 1)
    reaper.SetMediaItemInfo_Value(copy, "D_VOL", 0.5)
    near(select(2, heard(with_lanes, 2.5)), RATE / 4 * STEP)
  end },
  { "a note of MIDI stands at its second", function()
    local midi = reaper.GetActiveTake(reaper.CreateNewMIDIItemInProj(tracks.at_end("MIDI"), 3, 5, false))
    local start = reaper.MIDI_GetPPQPosFromProjTime(midi, 3.25)
    local stop = reaper.MIDI_GetPPQPosFromProjTime(midi, 4)
    assert(reaper.MIDI_InsertNote(midi, false, false, start, stop, 0, 60, 100, true))
    reaper.MIDI_Sort(midi)
    local _, _, _, at = reaper.MIDI_GetNote(midi, 0)
    near(reaper.MIDI_GetProjTimeFromPPQPos(midi, at), 3.25)
  end },
}

local report = { ("REAPER %s, %s, %s"):format(reaper.GetAppVersion(), reaper.GetOS(), _VERSION) }

local function check(name, run)
  local ok, problem = pcall(run)
  report[#report + 1] = ok and "ok    " .. name or ("WRONG %s: %s"):format(name, problem)
end

reaper.Main_OnCommand(NEW_PROJECT_TAB, 0)
edit("punchin: conformance", function()
  for _, one in ipairs(checks) do
    check(one[1], one[2])
  end
end)
check("a stretch is rendered to a file of its length, and the settings stay", function()
  local before = reaper.GetSetProjectInfo(0, "RENDER_STARTPOS", 0, false)
  local name = "punchin conformance render"
  render(nil, reaper.GetResourcePath(), name, 2, 2.5, RATE)
  local rendered = reaper.GetResourcePath() .. "/" .. name .. ".wav"
  local media = reaper.PCM_Source_CreateFromFile(rendered)
  near(reaper.GetMediaSourceLength(media), 0.5)
  os.remove(rendered)
  same(reaper.GetSetProjectInfo(0, "RENDER_STARTPOS", 0, false), before)
end)
check("a track is rendered to one file of the name that was asked for", function()
  local name = "punchin conformance track"
  render(track, reaper.GetResourcePath(), name, 2, 2.5, RATE)
  os.remove(reaper.GetResourcePath() .. "/" .. name .. ".wav")
end)
check("one undo takes all of it back, and leaves what the project keeps", function()
  reaper.SetProjExtState(0, "punchin", "conformance", "kept")
  reaper.Undo_DoUndo2(0)
  same(reaper.CountTracks(0), 0)
  same(select(2, reaper.GetProjExtState(0, "punchin", "conformance")), "kept")
end)
check("a script that is listed keeps its number", function()
  local script = folder .. "punchin_repaint.lua"
  local command = reaper.AddRemoveReaScript(true, 0, script, true)
  assert(command ~= 0)
  same(reaper.AddRemoveReaScript(true, 0, script, true), command)
end)
if folder:find(INSTALLED) then
  check("an action has the name that keys and buttons know it by", function()
    local command = reaper.AddRemoveReaScript(true, 0, folder .. "punchin_repaint.lua", true)
    same(reaper.ReverseNamedCommandLookup(command), NAME_OF_REPAINT)
  end)
end
check("a dialog keeps commas apart from fields", function()
  local layout = "Press OK,and nothing else,extrawidth=300,separator=\n"
  local _, line = reaper.GetUserInputs("punchin: conformance", 2, layout, 'a, "b"\nc')
  same(line, 'a, "b"\nc')
end)
local link = udp.new(function() end)
report[#report + 1] = "link  " .. (link and "udp" or "spool")
if link then
  link:close()
end
os.remove(path)
write(reaper.GetResourcePath() .. "/conformance.txt", table.concat(report, "\n") .. "\n")
reaper.ShowConsoleMsg(table.concat(report, "\n") .. "\n")
