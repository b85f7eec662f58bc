-- What every action has in common: it refuses in one sentence, and leaves its requests to the background script.
local client = require("punchin.client")
local fields = require("punchin.fields")
local osc = require("punchin.osc")
local refuse = require("punchin.refuse")

local action = {}

local SHOWN_PROMPT = 100 -- characters
local COOKIE_LENGTH = 1024

-- Runs `body`; true, or false and what to tell the user.
function action.try(body, ...)
  local ok, problem = pcall(body, ...)
  return ok, not ok and (type(problem) == "table" and problem.sentence or tostring(problem)) or nil
end

local function with_background(body)
  if not client.background() then
    refuse("punchin's background script does not run here: punchin install ardour, then start Ardour again.")
  end
  body()
end

-- The same for an action that the user has chosen: a refusal is shown.
function action.run(body)
  local ok, sentence = action.try(with_background, body)
  if not ok then
    LuaDialog.Message("punchin", sentence, LuaDialog.MessageType.Info, LuaDialog.ButtonType.Close):run()
  end
end

local function new_id()
  return ("%x-%x"):format(os.time(), math.random(0, 0x7fffffffffff))
end

local function shortened(prompt)
  return prompt:sub(1, (utf8.offset(prompt, SHOWN_PROMPT + 1) or 0) - 1)
end

-- Asks for clips. `keys`: of the request; `place`: where they belong, as `placing` takes it.
function action.request(verb, keys, place)
  place.verb = place.verb or verb
  place.prompt = place.prompt or shortened(keys.prompt or "")
  keys.cookie = fields.encode(place)
  assert(#keys.cookie <= COOKIE_LENGTH, "the cookie is too long")
  local values = { new_id() }
  for key, value in pairs(keys) do
    values[#values + 1], values[#values + 2] = key, value
  end
  client.ask(osc.encode("/punchin/" .. verb, values))
end

function action.cancel_all()
  client.ask(osc.encode("/punchin/cancel", { new_id() }))
end

-- A copy of the answers, with the session's rate.
function action.keys(answers)
  local keys = { sample_rate = math.tointeger(Session:nominal_sample_rate()) }
  for key, value in pairs(answers) do
    keys[key] = value
  end
  return keys
end

-- The same with what is heard of a track.
function action.with_sound(answers, heard)
  local keys = action.keys(answers)
  keys.name, keys.source, keys.position = heard.name, heard.path, heard.zero / heard.rate
  return keys
end

-- A render request needs words, its own or those of a preset.
function action.require_prompt(answers)
  if not answers.prompt and not answers.preset then
    refuse("Say what it is to sound like: the prompt is empty.")
  end
end

return action
