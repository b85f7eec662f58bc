-- Peaks of new clips, built a piece a turn, so that nothing waits for them.
local peaks = {}

local BEGIN, WORK, FINISH = 0, 1, 2
local building = {}

function peaks.build(media)
  if reaper.PCM_Source_BuildPeaks(media, BEGIN) ~= 0 then
    building[#building + 1] = media
  end
end

function peaks.turn()
  local media = building[1]
  if media and reaper.PCM_Source_BuildPeaks(media, WORK) == 0 then
    reaper.PCM_Source_BuildPeaks(media, FINISH)
    table.remove(building, 1)
    reaper.UpdateArrange()
  end
end

return peaks
