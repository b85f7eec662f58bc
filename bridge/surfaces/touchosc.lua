-- Gives every request an id, sends what a button is for with what faders and toggles hold, and shows what the daemon answers.

local RENEW_MILLISECONDS = 20000

local count = 0
local renewed_at

local function request_id()
  count = count + 1
  local hour, minute, second, millisecond = table.unpack(getTime())
  return string.format("touchosc-%d-%d-%d-%d-%d", hour, minute, second, millisecond, count)
end

local function typed(value)
  if type(value) == "string" then
    return { tag = "s", value = value }
  end
  return { tag = "f", value = value }
end

local function ask(address, values)
  local arguments = { typed(request_id()) }
  for _, value in ipairs(values) do
    arguments[#arguments + 1] = typed(value)
  end
  sendOSC({ address, arguments })
end

-- What a fader or toggle holds, in its own range.
local function held(name)
  local range = RANGES[name]
  local value = self:findByName(name, true).values.x
  value = range[1] + value * (range[2] - range[1])
  return range[3] and math.floor(value + 0.5) or value
end

local function press(name)
  local control = CONTROLS[name]
  local values = { table.unpack(control.values) }
  for _, setting in ipairs(control.settings) do
    local key, value = setting, held(setting)
    if setting == "context" then
      key, value = "mode", value > 0.5 and "context" or "solo"
    elseif setting == "match" and held("context") > 0.5 then
      value = 0
    end
    values[#values + 1] = key
    values[#values + 1] = value
  end
  ask(control.address, values)
end

function onReceiveNotify(key, value)
  if key == "press" then
    press(value)
  end
end

-- The daemon tells a surface what happens for as long as it hears of it once a minute.
function update()
  local now = getMillis()
  if renewed_at and now - renewed_at < RENEW_MILLISECONDS then
    return
  end
  renewed_at = now
  local hello = { "client", "touchosc", "role", "surface" }
  if TOKEN ~= "" then
    hello[#hello + 1] = "token"
    hello[#hello + 1] = TOKEN
  end
  ask("/punchin/hello", hello)
  ask("/punchin/subscribe", {})
end

local function show(state, fraction)
  self:findByName("state", true).values.text = state
  if fraction then
    self:findByName("progress", true).values.x = fraction
  end
end

local told = {
  ["/punchin/progress"] = function(_, fraction, stage, left)
    show(left > 0 and string.format("%s, %d s left", stage, math.floor(left + 0.5)) or stage, fraction)
  end,
  ["/punchin/done"] = function() show("done", 1) end,
  ["/punchin/failed"] = function(_, _, message) show(message, 0) end,
  ["/punchin/cancelled"] = function() show("cancelled", 0) end,
  ["/punchin/rejected"] = function(_, _, message) show(message) end,
  ["/punchin/playing"] = function(_, take)
    show(take > 0 and string.format("take %d plays", take) or "the original plays")
  end,
  ["/punchin/stopped"] = function(_, reason)
    show(reason == "device_lost" and "the sound device is gone" or "")
  end,
}

function onReceiveOSC(message)
  local tell = told[message[1]]
  if tell then
    local values = {}
    for place, argument in ipairs(message[2]) do
      values[place] = argument.value
    end
    tell(table.unpack(values))
  end
  return tell ~= nil
end
