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

local function one_of(...)
  local choices = { ... }
  return function(text, caption)
    for _, choice in ipairs(choices) do
      if text == choice then
        return text
      end
    end
    refuse("%s: %s came.", caption, text)
  end
end

local zero_or_one = whole(0, 1)

-- True, or nothing: a key that is left out is off.
local function switch(text, caption)
  return zero_or_one(text, caption) == 1 or nil
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
  hear = { "Hear (item/track/mix)", one_of("item", "track", "mix"), "item" },
  bring = { "Bring (mix/parts/midi)", one_of("mix", "parts", "midi"), "mix" },
  midi = { "MIDI too (0/1)", switch, "0" },
  mute = { "Mute the source (0/1)", zero_or_one, "0" },
  preset = { "Preset (?: list them)", same, "" },
  language = { "Language (as en)", same, "" },
  engine = { "Engine (auto/draft/acestep)", same, "auto" },
}

local function kept_under(title, name, hints)
  local field = FIELDS[name].shared and name or title:gsub("%W", "") .. "_" .. name
  if name == "prompt" and hints.region then
    -- each region has a prompt of its own
    field = field .. "_" .. hints.region:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
  end
  return field
end

-- Names of the daemon's presets for a verb, in order.
function dialog.presets(verb)
  local names = {}
  for _, said in pairs(fields.decode(reaper.GetExtState(EXTENSION, "presets"))) do
    local of_verb, name = said:match("^(%S+) (.+)$")
    if of_verb == verb then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

-- `three-takes: more drums` is the preset three-takes and the prompt `more drums`, where there is such a preset.
local function take_preset(answers, verb)
  local named, words = (answers.prompt or ""):match("^([%w_-]+):%s*(.*)$")
  for _, name in ipairs(dialog.presets(verb)) do
    if name == named then
      answers.preset, answers.prompt = name, words ~= "" and words or nil
    end
  end
end

-- A name may be cut short where it stays clear.
local function known_preset(text, verb)
  local names, found = dialog.presets(verb), {}
  for _, name in ipairs(names) do
    if name == text then
      return name
    elseif name:sub(1, #text) == text then
      found[#found + 1] = name
    end
  end
  if #names == 0 then
    return text -- the daemon has not told its presets yet, and will say what is wrong
  elseif #found ~= 1 then
    refuse("Preset: one of %s; %s came.", table.concat(names, ", "), text)
  end
  return found[1]
end

-- What a pad, a control surface or the panel sent along: then nobody is asked.
function dialog.of_trigger()
  if reaper.HasExtState(EXTENSION, "trigger") then
    local answers = fields.decode(reaper.GetExtState(EXTENSION, "trigger"))
    reaper.DeleteExtState(EXTENSION, "trigger", false)
    return answers
  end
end

-- What stands in a field that nobody has filled in yet.
local function first_answer(name, hints)
  if name == "prompt" and hints.region then
    return hints.region
  elseif name == "lyrics" and hints.has_lyrics then
    return dialog.NOTES
  end
  return FIELDS[name][3]
end

local BRACKETS = { { "(", ")" }, { "[", "]" }, { "{", "}" } }

-- What may be offered: REAPER takes several fields for one where a quote or a bracket has no other.
local function paired(text)
  if select(2, text:gsub('"', "")) % 2 > 0 then
    text = text:gsub('"', "")
  end
  for _, pair in ipairs(BRACKETS) do
    local opening, closing = "%" .. pair[1], "%" .. pair[2]
    if select(2, text:gsub(opening, "")) ~= select(2, text:gsub(closing, "")) then
      text = text:gsub(opening, ""):gsub(closing, "")
    end
  end
  return text
end

-- Text by field; nil when the user cancels.
local function asked(title, names, hints)
  local captions, values = {}, {}
  for _, name in ipairs(names) do
    local kept = project.get(kept_under(title, name, hints))
    captions[#captions + 1] = name == "lyrics" and not hints.has_items and "Lyrics" or FIELDS[name][1]
    values[#values + 1] = paired(kept ~= "" and kept or first_answer(name, hints))
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
    project.set(kept_under(title, names[at], hints), text)
  end
  return texts
end

-- Values of a request by key, without those left empty; nil when the user cancels. `names`: of fields; `hints`: what the
-- project says about the selection. Where the verb has presets, they are asked for, too.
function dialog.ask(title, names, hints)
  if #dialog.presets(hints.verb) > 0 then
    table.insert(names, "preset")
  end
  local texts = dialog.of_trigger() or asked(title, names, hints)
  if not texts then
    return nil
  end
  local answers = {}
  for _, name in ipairs(names) do
    local text = (texts[name] or first_answer(name, hints)):match("^%s*(.-)%s*$")
    if text ~= "" then
      answers[name] = FIELDS[name][2](text, FIELDS[name][1])
    end
  end
  answers.preset = texts.preset and texts.preset ~= "" and known_preset(texts.preset, hints.verb) or nil
  take_preset(answers, hints.verb)
  if answers.preset then
    -- what was left as it is gives way to the preset
    for _, name in ipairs(names) do
      if texts[name] == FIELDS[name][3] then
        answers[name] = nil
      end
    end
  end
  return answers
end

return dialog
