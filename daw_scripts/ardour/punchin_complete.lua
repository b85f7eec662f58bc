ardour {
  ["type"] = "EditorAction", name = "punchin: Accompany", license = "MIT", author = "punchin",
  description = [[An accompaniment for the selected range, or the selected regions, on new tracks.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.complete")
  return function()
    action.run(body)
  end
end
