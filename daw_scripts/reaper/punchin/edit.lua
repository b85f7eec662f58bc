-- A change of the project as one undo point, whole or not at all.
return function(name, change)
  reaper.Undo_BeginBlock2(0)
  reaper.PreventUIRefresh(1)
  local ok, result = xpcall(change, debug.traceback)
  reaper.PreventUIRefresh(-1)
  reaper.Undo_EndBlock2(0, name, -1)
  -- where nothing was changed there may be no point, and the last edit of the user's stays
  if not ok and reaper.Undo_CanUndo2(0) == name then
    reaper.Undo_DoUndo2(0)
  end
  reaper.UpdateArrange()
  if not ok then
    error(result, 0)
  end
  return result
end
