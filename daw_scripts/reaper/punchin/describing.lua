-- What was heard in items, as a message, and as their notes where the user wants it.
local edit = require("punchin.edit")
local project = require("punchin.project")

local describing = {}

local YES_NO, YES = 4, 6
local RECORDS = 4
local SHOWN_LINES, SHOWN_CHORDS = 8, 16

-- Caption, what the engine tells, what was measured.
local FACTS = {
  { "Tempo", "bpm", "measured_bpm", "%.1f BPM" },
  { "Key", "key", "measured_key", "%s" },
  { "Meter", "meter", "measured_meter", "%s" },
}

local function known(value)
  return value ~= nil and value ~= "" and value ~= 0
end

-- `Tempo: 120.0 BPM, 123.9 BPM measured`, for each fact of which anything is known.
local function facts(description)
  local lines = {}
  for _, fact in ipairs(FACTS) do
    local caption, told, measured, form = table.unpack(fact)
    local values = {}
    if known(description[told]) then
      values[1] = form:format(description[told])
    end
    if known(description[measured]) then
      values[#values + 1] = form:format(description[measured]) .. " measured"
    end
    if #values > 0 then
      lines[#lines + 1] = caption .. ": " .. table.concat(values, ", ")
    end
  end
  return lines
end

-- Names of the chords in order, from the JSON list of times and names, in which N is none and nothing is unclear.
local function chords(text)
  local names = {}
  for name in (text or ""):gmatch('%[%s*[%d.eE+-]+%s*,%s*"([^"]*)"%s*%]') do
    if name ~= "" then
      names[#names + 1] = name == "N" and "–" or name
    end
  end
  local shown = table.concat(names, " ", 1, math.min(#names, SHOWN_CHORDS))
  return #names > SHOWN_CHORDS and shown .. " …" or shown
end

-- All but the lyrics, a line each.
local function lines_of(description)
  local lines = facts(description)
  if known(description.language) and description.language ~= "unknown" then
    lines[#lines + 1] = "Language: " .. description.language
  end
  local named = chords(description.chords)
  if named ~= "" then
    lines[#lines + 1] = "Chords: " .. named
  end
  if known(description.lufs) then
    lines[#lines + 1] = ("Loudness: %.1f LUFS, peak %.1f dB"):format(description.lufs, description.peak_db or 0)
  end
  if known(description.caption) then
    lines[#lines + 1] = "Caption: " .. description.caption:gsub("%s+", " ")
  end
  return lines
end

local function first_lines(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    if #lines == SHOWN_LINES then
      lines[#lines + 1] = "…"
      break
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

-- Where notes are taken as lyrics, lines that begin with `#` are left out.
local function notes_of(description)
  local lines = {}
  for number, line in ipairs(lines_of(description)) do
    lines[number] = "# " .. line
  end
  if known(description.lyrics) then
    lines[#lines + 1] = description.lyrics
  end
  return table.concat(lines, "\n")
end

local function name_of(item)
  local take = item and reaper.GetActiveTake(item)
  local name = take and select(2, reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "", false)) or ""
  return name ~= "" and name or "The selection"
end

local function message(group)
  local parts = {}
  for number, one in ipairs(group) do
    local lines = lines_of(one.description)
    table.insert(lines, 1, name_of(project.item(one.place.item)))
    if known(one.description.lyrics) then
      lines[#lines + 1] = first_lines(one.description.lyrics)
    end
    parts[number] = table.concat(lines, "\n")
  end
  return table.concat(parts, "\n\n")
end

-- The key is asked for once a project: what the user has answered stays.
local function keep_key(group)
  for _, one in ipairs(group) do
    local key = known(one.description.key) and one.description.key or one.description.measured_key
    if known(key) and project.get("key") == "" then
      project.set("key", key)
    end
  end
end

-- No message comes up while REAPER records.
function describing.has_to_wait()
  return reaper.GetPlayStateEx(0) & RECORDS ~= 0
end

-- Each { place, description }, of one action.
function describing.show(group)
  keep_key(group)
  local question = message(group) .. "\n\nKeep this in the notes of the item?"
  if reaper.ShowMessageBox(question, "punchin", YES_NO) ~= YES then
    return
  end
  edit("punchin: understand", function()
    for _, one in ipairs(group) do
      local item = project.item(one.place.item)
      if item then
        local _, notes = reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "", false)
        notes = (notes ~= "" and notes .. "\n\n" or "") .. notes_of(one.description)
        reaper.GetSetMediaItemInfo_String(item, "P_NOTES", notes, true)
      end
    end
  end)
end

return describing
