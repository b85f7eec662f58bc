-- One dialog an action; the answers of the last time are its defaults, session by session.
local client = require("punchin.client")
local fields = require("punchin.fields")
local files = require("punchin.files")
local kept = require("punchin.kept")
local refuse = require("punchin.refuse")
local selection = require("punchin.selection")

local dialog = {}

local HINT = "A preset may stand before the prompt, as in   three-takes: more energy"
local ENGINES = { auto = "auto", draft = "draft", acestep = "acestep" }

local function number(text, caption)
  return tonumber(text) and tonumber(text) + 0.0 or refuse("%s: a number, %s came.", caption, text)
end

local function whole(text, caption)
  return math.tointeger(number(text, caption)) or refuse("%s: a whole number, %s came.", caption, text)
end

local function same(text)
  return text
end

-- Nothing is what a request says of what is off.
local function switch(text)
  return (text == "true" or text == "1") or nil
end

-- By key of the request: the widget, how its text becomes a value, and the answer of the first time. `shared`: one answer
-- for all actions.
local FIELDS = {
  prompt = { widget = { type = "entry", title = "Prompt" }, read = same, first = "" },
  lyrics = { widget = { type = "entry", title = "Lyrics" }, read = same, first = "" },
  key = { widget = { type = "entry", title = "Key (as in C minor)" }, read = same, first = "", shared = true },
  takes = { widget = { type = "number", title = "Takes", min = 1, max = 8 }, read = whole, first = "1" },
  seed = { widget = { type = "entry", title = "Seed (-1: random)" }, read = whole, first = "-1" },
  strength = { widget = { type = "entry", title = "Strength (0-1)" }, read = number, first = "" },
  bars = { widget = { type = "number", title = "Bars", min = 1, max = 999 }, read = whole, first = "4" },
  tracks = { widget = { type = "entry", title = "Stems" }, read = same, first = "all" },
  instruments = { widget = { type = "entry", title = "Instruments" }, read = same, first = "drums,bass" },
  track = { widget = { type = "entry", title = "Instrument" }, read = same, first = "drums" },
  midi = { widget = { type = "checkbox", title = "MIDI too" }, read = switch, first = "false" },
  engine = { widget = { type = "dropdown", title = "Engine", values = ENGINES }, read = same, first = "auto" },
}

local function kept_under(title, name)
  return FIELDS[name].shared and name or title:gsub("%W", "") .. "_" .. name
end

local function widget_of(name, text)
  local widget = { key = name }
  for key, value in pairs(FIELDS[name].widget) do
    widget[key] = value
  end
  if widget.type == "checkbox" then
    widget.default = text == "true"
  else
    widget.default = widget.type == "number" and tonumber(text) or text
  end
  return widget
end

local function text_of(name, value)
  return FIELDS[name].widget.type == "number" and ("%d"):format(math.floor(value + 0.5)) or tostring(value)
end

-- Text by field; nil when the user cancels.
local function asked(title, names, parts)
  local answers, widgets = kept.load(), { { type = "label", title = selection.words(parts) } }
  for _, name in ipairs(names) do
    widgets[#widgets + 1] = widget_of(name, answers[kept_under(title, name)] or FIELDS[name].first)
    widgets[#widgets + 1] = name == "prompt" and { type = "label", title = HINT } or nil
  end
  local values = LuaDialog.Dialog("punchin: " .. title, widgets):run()
  if not values then
    return nil
  end
  local texts = {}
  for _, name in ipairs(names) do
    texts[name] = text_of(name, values[name])
    answers[kept_under(title, name)] = texts[name]
  end
  kept.save(answers)
  return texts
end

-- `lofi-loop: more drums` is the preset lofi-loop and the prompt `more drums`, where there is such a preset.
local function take_preset(answers)
  local preset, words = (answers.prompt or ""):match("^([%w_-]+):%s*(.*)$")
  local known = fields.decode(files.read(client.folder() .. "/presets") or "")
  local said = preset and known[preset:gsub("%-", "_")] -- a verb and a name
  if said and said:match("^%S+ (.+)$") == preset then
    answers.preset, answers.prompt = preset, words ~= "" and words or nil
  end
end

-- Values of a request by key, without those left empty; nil when the user cancels. `given`: what a pad or a control surface
-- sent along: then nobody is asked. `parts`: what is meant, as `selection` gives it.
function dialog.ask(title, names, given, parts)
  local texts = given or asked(title, names, parts)
  if not texts then
    return nil
  end
  local answers = {}
  for _, name in ipairs(names) do
    local text = tostring(texts[name] or FIELDS[name].first):match("^%s*(.-)%s*$")
    if text ~= "" then
      answers[name] = FIELDS[name].read(text, FIELDS[name].widget.title)
    end
  end
  answers.preset = texts.preset
  take_preset(answers)
  return answers
end

return dialog
