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
local SETTLING_SECONDS = 10 -- until all that was asked for before has been heard of

-- `link`: hello, is_greeting, send, receive. `client`: name. `daw`: { name, version }. `on`: what to do with each event:
--   silent()                        nobody answered the hello
--   welcome(state)
--   rejected(cookie, message)
--   progress(job_id, fraction, stage)
--   results(list)                   each { id, clips, cookie, description }; gives the ids of those that are done with
--   presets(names)                  one line of fields, each a verb and a name
--   ended(job_id, cookie, message)  without clips: cancelled where there is no message, else failed
--   run(action, keys)
--   project()                       name of the project in front
function session.new(link, client, on, daw)
  return setmetatable({
    link = link, client = client, on = on, daw = daw,
    open = false, greeted = nil, since = nil, heard = 0, sent = 0, numbers = 0,
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

-- Says hello again, as another project is in front.
function session:renew()
  self.open, self.greeted = false, nil
end

-- Sends a request until it is answered; the same id is the same request. `renders`: whether it makes a job; `group`: the
-- name that the jobs of one action share; `answered`: what to do then, if anything.
function session:request(packet, renders, group, answered)
  local _, values = osc.decode(packet)
  self.requests[values[1]] = {
    packet = packet, renders = renders, group = group, answered = answered, due = 0, pause = FIRST_PAUSE,
  }
end

local function answer(self, id)
  local request = self.requests[id]
  self.requests[id] = nil
  if request and request.answered then
    request.answered()
  end
  return request
end

-- Whether more of a group may come.
function session:is_awaited(group)
  for _, request in pairs(self.requests) do
    if request.group == group then
      return true
    end
  end
  for _, job in pairs(self.jobs) do
    if job.group == group and not job.ready then
      return true
    end
  end
  return not self.since or self.now - self.since < SETTLING_SECONDS
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

-- Goes on as another client over another link. What is rendered for the old one is cancelled and asked for again.
function session:rename(client, link)
  self.client = client
  self:use(link)
  for id, job in pairs(self.jobs) do
    if job.request and not job.ready then
      cancel(self, id)
      local _, values = osc.decode(job.request.packet)
      self.requests[values[1]], self.jobs[id] = job.request, nil
    end
  end
end

-- Ends all that is on its way; what was sent and not taken by the daemon yet is cancelled as soon as it is.
function session:cancel_all()
  for id, request in pairs(self.requests) do
    request.cancelled = request.renders
    if request.renders and not request.is_sent then
      answer(self, id)
    end
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
    "project", self.on.project(),
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
  self.open, self.since = true, self.since or self.now
  for _, request in pairs(self.requests) do
    request.due, request.pause = 0, FIRST_PAUSE
  end
  self.on.welcome(values[5])
end

heard["/punchin/accepted"] = function(self, values)
  local request, id = answer(self, values[1]), values[2]
  if request and request.renders and not self.finished[id] then
    self:job(id).group, self:job(id).request = request.group, request
    if request.cancelled then
      cancel(self, id)
    end
  end
end

heard["/punchin/rejected"] = function(self, values)
  local request = answer(self, values[1])
  if request then
    local _, asked = osc.decode(request.packet)
    self.on.rejected(osc.keys(asked, 1).cookie or "", values[3])
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

heard["/punchin/description"] = function(self, values)
  if not self.finished[values[1]] then
    self:job(values[1]).description = osc.keys(values, 1)
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
  -- what got lost comes again with the next done
  if #clips == count and (count > 0 or job.description) then
    job.ready, job.cookie = clips, values[3]
  end
end

local function ended(cookie_at, message_at)
  return function(self, values)
    if not self.finished[values[1]] then
      self.on.ended(values[1], values[cookie_at], values[message_at])
    end
    self:confirm(values[1])
  end
end

heard["/punchin/failed"] = ended(4, 3)
heard["/punchin/cancelled"] = ended(2)

heard["/punchin/preset"] = function(self, values)
  self.presets[values[1]:gsub("%-", "_")] = values[2] .. " " .. values[1]
end

heard["/punchin/presets_end"] = function(self, values)
  answer(self, values[1])
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
      self.sent, request.is_sent = self.now, true
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
  local ready = {}
  for id, job in pairs(self.jobs) do
    if job.ready then
      ready[#ready + 1] = { id = id, clips = job.ready, cookie = job.cookie, description = job.description }
    end
  end
  for _, id in ipairs(#ready > 0 and self.on.results(ready) or {}) do
    self:confirm(id)
  end
end

return session
