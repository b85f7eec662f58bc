-- Peaks of new takes, built a piece a turn, so that nothing waits for them.
local peaks = {}

local BEGIN, WORK, FINISH = 0, 1, 2
local building = {}

function peaks.build(take)
  if reaper.PCM_Source_BuildPeaks(reaper.GetMediaItemTake_Source(take), BEGIN) ~= 0 then
    building[#building + 1] = take
  end
end

function peaks.turn()
  local take = building[1]
  if not take then
    return
  end
  -- the user may have deleted it, or gone to another project
  local media = reaper.ValidatePtr2(0, take, "MediaItem_Take*") and reaper.GetMediaItemTake_Source(take)
  if not media or reaper.PCM_Source_BuildPeaks(media, WORK) == 0 then
    table.remove(building, 1)
    if media then
      reaper.PCM_Source_BuildPeaks(media, FINISH)
      reaper.UpdateArrange()
    end
  end
end

return peaks
