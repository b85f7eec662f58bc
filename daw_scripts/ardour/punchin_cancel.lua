ardour {
  ["type"] = "EditorAction", name = "punchin: Cancel", license = "MIT", author = "punchin",
  description = [[Ends all that is being rendered for this session.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.cancel")
  return function()
    action.run(body)
  end
end
