-- lua5.4 process.lua NAMES SCRIPT: runs a script for the simulated REAPER, which answers over a pipe. A message has its length
-- before it and is a letter and values; see `process.py`.
local names, script = arg[1], arg[2]
local input, output = io.stdin, io.stdout
output:setvbuf("full")

local handles = {} -- by number, so that the same thing is the same value
local deferred, at_exit = {}, {}

local function of_kind(value)
  if value == nil then
    return "n"
  elseif type(value) == "boolean" then
    return value and "t" or "f"
  elseif math.type(value) == "integer" then
    return "i" .. string.pack("<i8", value)
  elseif math.type(value) == "float" then
    return "d" .. string.pack("<d", value)
  elseif type(value) == "string" then
    return "s" .. string.pack("<s4", value)
  elseif type(value) == "table" and value.handle then
    return "h" .. string.pack("<I4", value.handle)
  end
  return "s" .. string.pack("<s4", "a " .. type(value))
end

local readers = {
  n = function(_, at) return nil, at end,
  t = function(_, at) return true, at end,
  f = function(_, at) return false, at end,
  i = function(bytes, at) return string.unpack("<i8", bytes, at) end,
  d = function(bytes, at) return string.unpack("<d", bytes, at) end,
  s = function(bytes, at) return string.unpack("<s4", bytes, at) end,
  h = function(bytes, at)
    local number, after = string.unpack("<I4", bytes, at)
    handles[number] = handles[number] or { handle = number }
    return handles[number], after
  end,
  a = function(bytes, at)
    local count, values = string.unpack("<I4", bytes, at), {}
    at = at + 4
    for index = 1, count do
      values[index], at = string.unpack("<d", bytes, at)
    end
    return values, at
  end,
}

local function send(letter, ...)
  local parts = { letter }
  for index = 1, select("#", ...) do
    parts[index + 1] = of_kind((select(index, ...)))
  end
  output:write(string.pack("<s4", table.concat(parts)))
  output:flush()
end

local function receive()
  local head = input:read(4)
  if not head then
    os.exit(true, true)
  end
  local bytes = input:read((string.unpack("<I4", head)))
  local values, count, at = {}, 0, 2
  while at <= #bytes do
    count = count + 1
    values[count], at = readers[bytes:sub(at, at)](bytes, at + 1)
  end
  return bytes:sub(1, 1), values, count
end

local function call(...)
  send("c", ...)
  local letter, values, count = receive()
  if letter == "x" then
    error(values[1], 0)
  end
  return table.unpack(values, 1, count)
end

reaper = {}
for name in names:gmatch("[%w_]+") do
  reaper[name] = function(...) return call(name, ...) end
end

function reaper.defer(turn)
  deferred[#deferred + 1] = turn
  return true
end

function reaper.atexit(function_)
  at_exit[#at_exit + 1] = function_
  return true
end

function reaper.new_array(size)
  local array = call("new_array", size)
  local function on_it(name)
    return function(...) return call("array_call", array, name, ...) end
  end
  return { handle = array.handle, clear = on_it("clear"), table = on_it("table"), get_alloc = on_it("get_alloc") }
end

local function run_all(functions)
  for _, one in ipairs(functions) do
    one()
  end
end

local pieces = {
  begin = function() assert(loadfile(script))() end,
  go_on = function()
    local due = deferred
    deferred = {}
    run_all(due)
  end,
  exit = function()
    deferred = {}
    run_all(at_exit)
  end,
}

arg = nil
while true do
  local _, values = receive()
  local ok, problem = xpcall(pieces[values[1]], debug.traceback)
  send(ok and "d" or "x", ok and #deferred or tostring(problem))
end
