-- Ends all that is being rendered for this session.
local action = require("punchin.action")
local client = require("punchin.client")
local refuse = require("punchin.refuse")

return function()
  action.require_background()
  if client.open_jobs() == 0 then
    refuse("Nothing is being rendered.")
  end
  action.cancel_all()
end
