-- One conversation with the daemon: hello, requests until they are answered, results until they are placed.
local fields = require("punchin.fields")
local osc = require("punchin.osc")

local session = {}
session.__index = session

local GREETING_SECONDS = 3
local FIRST_PAUSE, LONGEST_PAUSE = 1, 30
local PING_SECONDS = 10
local SILENCE_SECONDS = 25
local SILENCE_OF_A_JOB_SECONDS = 6 -- while one is rendered, the daemon speaks once a second
local MESSAGES_A_TURN = 64

-- `link`: hello, is_greeting, send, receive. `client`: name. `daw`: { name, version }. `on`: what to do with each event:
--   silent()                        nobody answered the hello
--   welcome(state)
--   rejected(request_id, message)
--   progress(job_id, fraction, stage)
--   result(job_id, clips, cookie)   true once the clips are on their tracks, false to be asked again
--   presets(names)                  one line of fields
--   failed(job_id, message)  cancelled(job_id)  run(action, keys)
function session.new(link, client, on, daw)
  return setmetatable({
    link = link, client = client, on = on, daw = daw,
    open = false, greeted = nil, heard = 0, sent = 0, numbers = 0,
    requests = {}, jobs = {}, finished = {}, presets = {},
    prefix = ("%x-%x"):format(os.time(), math.random(0, 0xffffff)),
  }, session)
end

function session:new_id()
  self.numbers = self.numbers + 1
  return self.prefix .. "-" .. self.numbers
end

function session:send(address, values)
  self.sent = self.now
  self.link:send(osc.encode(address, values))
end

-- Goes on over another link.
function session:use(link)
  self.link:close()
  self.link, self.open, self.greeted = link, false, nil
end

-- Sends a request until it is answered; the same id is the same request. `renders`: whether it makes a job.
function session:request(packet, renders)
  local _, values = osc.decode(packet)
  self.requests[values[1]] = { packet = packet, renders = renders, due = 0, pause = FIRST_PAUSE }
end

-- How many requests and jobs are on their way.
function session:count()
  local count = 0
  for _, request in pairs(self.requests) do
    count = count + (request.renders and 1 or 0)
  end
  for _, job in pairs(self.jobs) do
    count = count + (job.ready and 0 or 1)
  end
  return count
end

local function cancel(self, id)
  self:request(osc.encode("/punchin/cancel", { self:new_id(), "job", id }))
end

-- Ends all that is on its way; what the daemon has not taken yet is cancelled as soon as it has.
function session:cancel_all()
  for _, request in pairs(self.requests) do
    request.cancelled = request.renders
  end
  for id, job in pairs(self.jobs) do
    if not job.ready then
      cancel(self, id)
    end
  end
end

function session:greet()
  self.greeted = self.now
  self.link:hello(osc.encode("/punchin/hello", {
    self:new_id(), "client", self.client, "role", "daw", "daw", self.daw.name, "version", self.daw.version,
  }))
end

function session:job(id)
  self.jobs[id] = self.jobs[id] or { clips = {} }
  return self.jobs[id]
end

function session:confirm(id)
  self.jobs[id] = nil
  self.finished[id] = true
  self:send("/punchin/received", { id })
end

local heard = {}

heard["/punchin/welcome"] = function(self, values)
  self.open = true
  for _, request in pairs(self.requests) do
    request.due, request.pause = 0, FIRST_PAUSE
  end
  self.on.welcome(values[5])
end

heard["/punchin/accepted"] = function(self, values)
  local request, id = self.requests[values[1]], values[2]
  self.requests[values[1]] = nil
  if request and request.renders and not self.finished[id] then
    self:job(id)
    if request.cancelled then
      cancel(self, id)
    end
  end
end

heard["/punchin/rejected"] = function(self, values)
  if self.requests[values[1]] then
    self.requests[values[1]] = nil
    self.on.rejected(values[1], values[3])
  end
end

heard["/punchin/progress"] = function(self, values)
  if self.jobs[values[1]] then
    self.on.progress(values[1], values[2], values[3])
  end
end

heard["/punchin/clip"] = function(self, values)
  if not self.finished[values[1]] then
    local clip = osc.keys(values, 4)
    clip.path = values[4]
    self:job(values[1]).clips[values[2]] = clip
  end
end

heard["/punchin/done"] = function(self, values)
  local id, count = values[1], values[2]
  if self.finished[id] then
    return self:confirm(id)
  end
  local job, clips = self:job(id), {}
  for index = 0, count - 1 do
    clips[#clips + 1] = job.clips[index]
  end
  -- a clip that got lost comes again with the next done
  if #clips == count then
    job.ready, job.cookie = clips, values[3]
  end
end

local function ended(name, message_at)
  return function(self, values)
    if not self.finished[values[1]] then
      self.on[name](values[1], values[message_at])
    end
    self:confirm(values[1])
  end
end

heard["/punchin/failed"] = ended("failed", 3)
heard["/punchin/cancelled"] = ended("cancelled", 2)

heard["/punchin/preset"] = function(self, values)
  self.presets[values[1]:gsub("%-", "_")] = values[1]
end

heard["/punchin/presets_end"] = function(self, values)
  self.requests[values[1]] = nil
  self.on.presets(fields.encode(self.presets))
end

heard["/punchin/run"] = function(self, values)
  self.on.run(values[2], osc.keys(values, 2))
end

function session:listen()
  for _ = 1, MESSAGES_A_TURN do
    local packet = self.link:receive()
    if not packet then
      return
    end
    local address, values = osc.decode(packet)
    if address then
      self.heard = self.now
      if heard[address] then
        heard[address](self, values)
      end
    end
  end
end

function session:keep_up()
  local patience = self:count() > 0 and SILENCE_OF_A_JOB_SECONDS or SILENCE_SECONDS
  if not self.open or self.now - self.heard > patience then
    if not self.greeted or self.now - self.greeted > GREETING_SECONDS then
      if self.greeted then
        self.on.silent()
      end
      self.open = false
      self:greet()
    end
    return
  end
  for _, request in pairs(self.requests) do
    if self.now >= request.due then
      request.due, request.pause = self.now + request.pause, math.min(2 * request.pause, LONGEST_PAUSE)
      self.sent = self.now
      self.link:send(request.packet)
    end
  end
  if self.now - self.sent > PING_SECONDS then
    self:send("/punchin/ping", { self:new_id() })
  end
end

-- To be called some times a second; `now` in seconds.
function session:turn(now)
  self.now = now
  if self.open or self.greeted and not self.link:is_greeting() then
    self:listen()
  end
  self:keep_up()
  for id, job in pairs(self.jobs) do
    if job.ready and self.on.result(id, job.ready, job.cookie) then
      self:confirm(id)
      break -- the table has changed
    end
  end
end

return session
