-- Ends all that is being rendered for this session, once the user has seen what that is.
local action = require("punchin.action")
local client = require("punchin.client")
local refuse = require("punchin.refuse")

local function is_meant(doing)
  local question = doing .. "\n\nEnd all of this?"
  local box = LuaDialog.Message("punchin", question, LuaDialog.MessageType.Question, LuaDialog.ButtonType.Yes_No)
  return box:run() == LuaDialog.Response.Yes
end

return function(given)
  if client.is_idle() then
    refuse("Nothing is being rendered.")
  end
  if given or is_meant(client.background().doing) then
    action.cancel_all()
  end
end
