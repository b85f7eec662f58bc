ardour {
  ["type"] = "EditorAction", name = "punchin: Extract stems", license = "MIT", author = "punchin",
  description = [[The stems of the selected range, or of the selected regions, on new tracks.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.extract")
  return function()
    action.run(body)
  end
end
