-- One dialog an action; the answers of the last time are its defaults, project by project.
local fields = require("punchin.fields")
local project = require("punchin.project")
local refuse = require("punchin.refuse")

local dialog = {}

local EXTENSION = "punchin"

-- As lyrics: the notes of each item.
dialog.NOTES = "notes"

-- Caption, key of the request, how the text becomes its value, and the answer of the first time.
local function number(low, high)
  return function(text, caption)
    local value = tonumber(text)
    if not value or value < low or value > high then
      refuse("%s: a number from %g to %g, %s came.", caption, low, high, text)
    end
    return value + 0.0
  end
end

local function whole(low, high)
  local read = number(low, high)
  return function(text, caption)
    return math.tointeger(read(text, caption)) or refuse("%s: a whole number, %s came.", caption, text)
  end
end

local function same(text)
  return text
end

local FIELDS = {
  prompt = { "Prompt", same, "" },
  lyrics = { "Lyrics (notes: of the item)", same, "" },
  key = { "Key (as in C minor)", same, "", shared = true },
  takes = { "Takes (1-8)", whole(1, 8), "1" },
  seed = { "Seed (-1: random)", whole(-1, 2 ^ 32 - 1), "-1" },
  strength = { "Strength (0-1)", number(0, 1), "" },
  bars = { "Bars", whole(1, 999), "4" },
  tracks = { "Stems", same, "all" },
  instruments = { "Instruments", same, "drums,bass" },
  track = { "Instrument", same, "drums" },
  mute = { "Mute the source (0/1)", whole(0, 1), "0" },
  language = { "Language (as en)", same, "" },
  engine = { "Engine (auto/draft/acestep)", same, "auto" },
}

local function kept_under(title, name)
  return FIELDS[name].shared and name or title:gsub("%W", "") .. "_" .. name
end

-- `lofi-loop: more drums` is the preset lofi-loop and the prompt `more drums`, where there is such a preset.
local function take_preset(answers)
  local preset, words = (answers.prompt or ""):match("^([%w_-]+):%s*(.*)$")
  local known = fields.decode(reaper.GetExtState(EXTENSION, "presets"))
  if preset and known[preset:gsub("%-", "_")] == preset then
    answers.preset, answers.prompt = preset, words ~= "" and words or nil
  end
end

-- What a pad or a control surface sent along with its trigger: then nobody is asked.
local function of_trigger()
  if reaper.HasExtState(EXTENSION, "trigger") then
    local answers = fields.decode(reaper.GetExtState(EXTENSION, "trigger"))
    reaper.DeleteExtState(EXTENSION, "trigger", false)
    return answers
  end
end

-- Text by field; nil when the user cancels.
local function asked(title, names)
  local captions, values = {}, {}
  for _, name in ipairs(names) do
    local kept = project.get(kept_under(title, name))
    captions[#captions + 1] = FIELDS[name][1]
    values[#values + 1] = kept ~= "" and kept or FIELDS[name][3]
  end
  local layout = table.concat(captions, ",") .. ",extrawidth=300,separator=\n"
  local ok, line = reaper.GetUserInputs("punchin: " .. title, #names, layout, table.concat(values, "\n"))
  if not ok then
    return nil
  end
  local texts, at = {}, 0
  for text in (line .. "\n"):gmatch("(.-)\n") do
    at = at + 1
    texts[names[at]] = text
    project.set(kept_under(title, names[at]), text)
  end
  return texts
end

-- Values of a request by key, without those left empty; nil when the user cancels.
function dialog.ask(title, names)
  local texts = of_trigger() or asked(title, names)
  if not texts then
    return nil
  end
  local answers = {}
  for _, name in ipairs(names) do
    local text = (texts[name] or FIELDS[name][3]):match("^%s*(.-)%s*$")
    if text ~= "" then
      answers[name] = FIELDS[name][2](text, FIELDS[name][1])
    end
  end
  answers.preset = texts.preset
  take_preset(answers)
  return answers
end

return dialog
