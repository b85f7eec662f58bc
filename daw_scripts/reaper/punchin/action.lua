-- What every action has in common: it runs once, refuses in one sentence, and leaves its requests to the background script.
local dialog = require("punchin.dialog")
local fields = require("punchin.fields")
local lyrics = require("punchin.lyrics")
local osc = require("punchin.osc")
local project = require("punchin.project")
local refuse = require("punchin.refuse")

local action = {}

local EXTENSION = "punchin"
local OLDEST = 7.03
local ALIVE_SECONDS = 3
local SHOWN_PROMPT = 100 -- characters
local COOKIE_LENGTH = 1024

-- Lua seeds with the second and an address: two actions started in one second could draw the same numbers, and the daemon
-- would take what they ask for as one request that came twice.
math.randomseed(os.time(), math.floor(reaper.time_precise() * 1e6))

local function require_version()
  local version = reaper.GetAppVersion()
  if (tonumber(version:match("^%d+%.%d+")) or 0) < OLDEST then
    refuse("punchin needs REAPER %.2f or newer, this is %s.", OLDEST, version)
  end
end

-- Runs `body`; a refusal becomes one sentence, and an error says what happened.
function action.run(body)
  local ok, problem = xpcall(function()
    require_version()
    body()
  end, function(raised)
    return type(raised) == "table" and raised or debug.traceback(tostring(raised))
  end)
  -- one that refused before it asked leaves no answers to the next
  reaper.DeleteExtState(EXTENSION, "trigger", false)
  if not ok then
    reaper.ShowMessageBox(type(problem) == "table" and problem.sentence or problem, "punchin", 0)
  end
end

local function folder_of_scripts()
  return select(2, reaper.get_action_context()):match("^(.*[/\\])")
end

-- One that runs already ends first.
function action.restart_background()
  local command = reaper.AddRemoveReaScript(true, 0, folder_of_scripts() .. "punchin_background.lua", true)
  if command == 0 then
    refuse("punchin_background.lua is missing beside this script: install punchin's scripts again.")
  end
  reaper.Main_OnCommand(command, 0)
end

local function start_background()
  local said = tonumber(reaper.GetExtState(EXTENSION, "background"))
  if not said or reaper.time_precise() - said > ALIVE_SECONDS then
    action.restart_background()
  end
end

-- Leaves one message to the background script, which knows the daemon.
function action.send(address, values)
  local number = (tonumber(reaper.GetExtState(EXTENSION, "asked")) or 0) + 1
  local packet = osc.encode(address, values)
  local text = packet:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
  reaper.SetExtState(EXTENSION, "ask-" .. number, text, false)
  reaper.SetExtState(EXTENSION, "asked", tostring(number), false)
  start_background()
end

function action.new_id()
  return ("%x-%x"):format(os.time(), math.random(0, 0x7fffffffffff))
end

-- On one line, as names are.
local function shortened(prompt)
  prompt = prompt:gsub("%s+", " ")
  return prompt:sub(1, (utf8.offset(prompt, SHOWN_PROMPT + 1) or 0) - 1)
end

-- Asks for what one action wants, a job each; their results come as one undo point. Each: { keys, place }, `keys` of the
-- request and `place` where its result belongs, as `placing` takes it.
function action.request(verb, requests)
  local group = action.new_id()
  local messages = {}
  for number, request in ipairs(requests) do
    local keys, place = request.keys, request.place
    place.project = project.id()
    place.group, place.number, place.of = group, number, #requests
    place.verb = place.verb or verb
    place.prompt = place.prompt or shortened(keys.prompt or "")
    keys.cookie = fields.encode(place)
    assert(#keys.cookie <= COOKIE_LENGTH, "the cookie is too long")
    local values = { action.new_id() }
    for key, value in pairs(keys) do
      values[#values + 1], values[#values + 2] = key, value
    end
    messages[number] = values
  end
  for _, values in ipairs(messages) do
    action.send("/punchin/" .. verb, values)
  end
end

-- A copy of the answers, with the project's rate and its folder for clips.
function action.keys(answers)
  local keys = { sample_rate = project.rate(), directory = project.folder() }
  for key, value in pairs(answers) do
    keys[key] = value
  end
  return keys
end

-- The same with the source that is worked on, which belongs to `item`.
function action.with_source(answers, source, item)
  local keys = action.keys(answers)
  if keys.lyrics == dialog.NOTES then
    keys.lyrics = lyrics.of(item)
  end
  keys.name = source.name
  keys.source, keys.source_start, keys.source_length = source.path, source.file_start, source.length
  keys.position = source.zero
  return keys
end

-- Names of an item that stay when the user moves and trims things, and how loud it plays; `heard`: the source that was made
-- of it.
function action.of_item(item, place, heard)
  local take = reaper.GetActiveTake(item)
  if heard then
    place.heard, place.gain, place.pan, place.volume = heard.heard, heard.gain, heard.pan, heard.volume
  end
  place.item, place.take, place.anchor = project.item_guid(item), project.take_guid(take), project.anchor(item, take)
  place.track = reaper.GetTrackGUID(reaper.GetMediaItem_Track(item))
  return place
end

-- Asks for each selected part of an item by itself. `place_of`: where a result belongs, but for its item and times.
function action.request_parts(verb, parts, answers, place_of)
  local source = require("punchin.source")
  local tempo = require("punchin.tempo")
  local requests, hear = {}, answers.hear
  answers.hear = nil
  for number, part in ipairs(parts) do
    local heard = source.part(part.item, part.from, part.to, hear)
    local keys = action.with_source(answers, heard, part.item)
    tempo.add(keys, part.from, part.to, part.from)
    local place = place_of()
    place.zero, place.from, place.to = heard.zero, part.from, part.to
    requests[number] = { keys = keys, place = action.of_item(part.item, place, heard) }
  end
  action.request(verb, requests)
end

-- A render request needs words, its own or those of a preset.
function action.require_prompt(answers)
  if not answers.prompt and not answers.preset then
    refuse("Say what it is to sound like: the prompt is empty.")
  end
end

return action
