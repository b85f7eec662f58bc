-- The MIDI of a clip as an item beside it, whose notes stay at their seconds whatever the tempo does.
local smf = require("punchin.smf")

local notes = {}

-- `position`: project time of the clip's first frame; `length`: of the item, in seconds. Nothing is changed where the
-- file cannot be read: an error says so.
function notes.add(track, name, path, position, length)
  local found = smf.notes(path)
  local item = reaper.CreateNewMIDIItemInProj(track, position, position + length, false)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
  reaper.SetMediaItemInfo_Value(item, "B_UISEL", 0)
  local take = reaper.GetActiveTake(item)
  for _, note in ipairs(found) do
    local start = reaper.MIDI_GetPPQPosFromProjTime(take, position + note.start)
    local stop = reaper.MIDI_GetPPQPosFromProjTime(take, position + math.min(note.stop, length))
    if note.start < length then
      reaper.MIDI_InsertNote(take, false, false, start, stop, note.channel, note.pitch, note.velocity, true)
    end
  end
  reaper.MIDI_Sort(take)
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true)
  reaper.UpdateItemInProject(item)
end

return notes
