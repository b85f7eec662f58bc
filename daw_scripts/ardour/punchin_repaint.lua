ardour {
  ["type"] = "EditorAction", name = "punchin: Repaint", license = "MIT", author = "punchin",
  description = [[The selected range, or the selected regions, again, so that it fits what surrounds it.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.repaint")
  return function()
    action.run(body)
  end
end
