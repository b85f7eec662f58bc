-- OSC 1.0 messages as bytes: the part of it that the daemon speaks.
local osc = {}

local function padded(text)
  return text .. ("\0"):rep(4 - #text % 4)
end

local function text_at(bytes, at)
  local text, after = string.unpack("z", bytes, at)
  return text, after + (1 - after) % 4
end

-- Text, booleans, integers (int32, int64 where it does not fit) and floats (double) as one message.
function osc.encode(address, values)
  local tags, body = { "," }, {}
  for _, value in ipairs(values) do
    if type(value) == "boolean" then
      tags[#tags + 1] = value and "T" or "F"
    elseif type(value) == "string" then
      tags[#tags + 1], body[#body + 1] = "s", padded(value)
    elseif math.type(value) == "float" then
      tags[#tags + 1], body[#body + 1] = "d", string.pack(">d", value)
    elseif value >= -0x80000000 and value <= 0x7fffffff then
      tags[#tags + 1], body[#body + 1] = "i", string.pack(">i4", value)
    else
      tags[#tags + 1], body[#body + 1] = "h", string.pack(">i8", value)
    end
  end
  return padded(address) .. padded(table.concat(tags)) .. table.concat(body)
end

local readers = {
  s = text_at,
  i = function(bytes, at) return string.unpack(">i4", bytes, at) end,
  h = function(bytes, at) return string.unpack(">i8", bytes, at) end,
  f = function(bytes, at) return string.unpack(">f", bytes, at) end,
  d = function(bytes, at) return string.unpack(">d", bytes, at) end,
  T = function(_, at) return true, at end,
  F = function(_, at) return false, at end,
  b = function(bytes, at)
    local data, after = string.unpack(">s4", bytes, at)
    return data, after + (1 - after) % 4
  end,
}

local function decode(bytes)
  local address, at = text_at(bytes, 1)
  local tags
  tags, at = text_at(bytes, at)
  assert(address:sub(1, 1) == "/" and tags:sub(1, 1) == ",")
  local values = {}
  for tag in tags:sub(2):gmatch(".") do
    values[#values + 1], at = readers[tag](bytes, at)
  end
  return address, values
end

-- Address and list of values of one message; nil for what is none.
function osc.decode(bytes)
  local ok, address, values = pcall(decode, bytes)
  if ok then
    return address, values
  end
end

-- Keys and values behind the first `count` values.
function osc.keys(values, count)
  local keys = {}
  for at = count + 1, #values - 1, 2 do
    keys[values[at]] = values[at + 1]
  end
  return keys
end

return osc
