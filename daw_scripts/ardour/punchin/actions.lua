-- The actions by name, for pads and control surfaces.
return {
  cancel = require("punchin.actions.cancel"),
  complete = require("punchin.actions.complete"),
  continue_after = require("punchin.actions.continue_after"),
  continue_before = require("punchin.actions.continue_before"),
  cover = require("punchin.actions.cover"),
  extract = require("punchin.actions.extract"),
  generate = require("punchin.actions.generate"),
  lego = require("punchin.actions.lego"),
  more_takes = require("punchin.actions.more_takes"),
  repaint = require("punchin.actions.repaint"),
}
