"""Files are enough: a client that can open, write and rename."""

import os
import time

import pytest
import soundfile
from lupa import lua54
from pythonosc.osc_message import OscMessage
from rig import until

from bridge.protocol.codec import encode_request

LUA = r"""
local folder, source, out = ...
local function padded(text) return text .. ("\0"):rep(4 - #text % 4) end
local function message(address, ...)
  local tags, body = ",", ""
  for _, value in ipairs({...}) do
    if type(value) == "string" then tags = tags .. "s"; body = body .. padded(value)
    else tags = tags .. "d"; body = body .. string.pack(">d", value) end
  end
  return padded(address) .. padded(tags) .. body
end
local function write(name, bytes)
  local file = assert(io.open(folder .. "/" .. name .. ".tmp", "wb"))
  file:write(bytes)
  file:close()
  assert(os.rename(folder .. "/" .. name .. ".tmp", folder .. "/" .. name))
end
local function read_next(number)
  local name = string.format("%s/out-%06d.osc", folder, number)
  local deadline = os.time() + 60
  while os.time() < deadline do
    local file = io.open(name, "rb")
    if file then
      local bytes = file:read("a")
      file:close()
      os.remove(name)
      return bytes
    end
  end
  error("nothing came as " .. name)
end
write("hello.osc", message("/punchin/hello", "h-1", "client", "lua", "role", "daw"))
write("in-000001.osc", message("/punchin/repaint", "r-1", "source", source, "start", 4.0, "end", 6.5, "directory", out))
local addresses, number = {}, 1
while true do
  local bytes = read_next(number)
  local address = bytes:match("^[^\0]+")
  addresses[#addresses + 1] = address
  if address == "/punchin/done" then break end
  number = number + 1
end
return table.concat(addresses, " ")
"""


def test_lua_with_nothing_but_open_write_and_rename_gets_a_clip(daemon, song, tmp_path):
    folder = daemon.state / "spool" / "lua"
    folder.mkdir(parents=True)
    run = lua54.LuaRuntime().compile(LUA)
    addresses = run(str(folder), str(song), str(tmp_path)).split()
    assert addresses[:2] == ["/punchin/welcome", "/punchin/accepted"]
    assert addresses[-2:] == ["/punchin/clip", "/punchin/done"]
    (clip,) = tmp_path.glob("*.wav")
    assert soundfile.info(clip).frames == round(2.5 * 44100)


class Spool:
    def __init__(self, daemon, name):
        self.folder = daemon.state / "spool" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.written = self.read = 0

    def put(self, name, address, request_id, **values):
        temporary = self.folder / f"{name}.part"
        temporary.write_bytes(encode_request(address, request_id, values))
        temporary.rename(self.folder / name)

    def hello(self, client):
        self.written = self.read = 0
        self.put("hello.osc", "/punchin/hello", "h", client=client)

    def send(self, address, request_id, **values):
        self.written += 1
        self.put(f"in-{self.written:06d}.osc", address, request_id, **values)

    def listen(self, address):
        while True:
            self.read += 1
            path = self.folder / f"out-{self.read:06d}.osc"
            until(path.exists, 60)
            message = OscMessage(path.read_bytes())
            path.unlink()
            if message.address == address:
                return message.params


def test_order_is_kept_and_files_are_deleted_once_read(daemon):
    spool = Spool(daemon, "reaper")
    spool.hello("reaper")
    for number in range(1, 30):
        spool.send("/punchin/ping", f"p-{number}")
    assert [spool.listen("/punchin/pong") for _ in range(29)] == [[f"p-{number}"] for number in range(1, 30)]
    assert not list(spool.folder.glob("in-*"))


def test_only_hello_opens_a_folder_and_what_is_older_is_not_taken(daemon):
    spool = Spool(daemon, "shy")
    spool.send("/punchin/ping", "p")
    time.sleep(0.3)
    assert (spool.folder / "in-000001.osc").exists()
    spool.hello("shy")
    spool.listen("/punchin/welcome")
    spool.send("/punchin/ping", "q")
    assert spool.listen("/punchin/pong") == ["q"]


def test_results_wait_over_a_restart_of_the_daemon_and_numbers_go_on(daemon):
    spool = Spool(daemon, "reaper")
    spool.hello("reaper")
    spool.send("/punchin/generate", "r-1", prompt="house", length=20.0, cookie="here")
    spool.listen("/punchin/accepted")
    daemon.kill()
    daemon.start()
    assert spool.listen("/punchin/done")[2] == "here"


def test_what_an_earlier_script_left_is_not_taken_for_the_new_ones(daemon):
    spool = Spool(daemon, "reaper")
    spool.put("in-000005.osc", "/punchin/ping", "old")
    os.utime(spool.folder / "in-000005.osc", (time.time() - 60, time.time() - 60))
    spool.hello("reaper")
    spool.send("/punchin/ping", "new")
    assert spool.listen("/punchin/pong") == ["new"]
    assert not (spool.folder / "in-000005.osc").exists()


@pytest.mark.parametrize("content", [b"", b"junk", b"x" * 300_000])
def test_junk_in_a_folder_harms_nobody(daemon, content):
    spool = Spool(daemon, "reaper")
    spool.hello("reaper")
    (spool.folder / "in-000001.osc").write_bytes(content)
    spool.written = 1
    spool.send("/punchin/ping", "p")
    assert spool.listen("/punchin/pong") == ["p"]
