ardour {
  ["type"] = "EditorAction", name = "punchin: Cover", license = "MIT", author = "punchin",
  description = [[The selected range, or the selected regions, in another style.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.cover")
  return function()
    action.run(body)
  end
end
