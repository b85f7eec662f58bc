-- What comes before.
local continuing = require("punchin.actions.continuing")

return function(given)
  continuing("before", given)
end
