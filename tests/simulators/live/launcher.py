"""Launching clips: what is fired begins to play at the next tick, as the quantisation `None` does it."""


class Launcher:
    def __init__(self, live):
        self.live = live
        self.fired = []

    def fire(self, slot):
        """A slot without a clip stops its track."""
        track, clip = slot._sim_state["parent"], slot._sim_state["clip"]
        if clip is None:
            self.stop(track)
            return
        slot._sim_passing["fired"] = clip._sim_passing["fired"] = True
        track._sim_passing["fired"] = track._sim_state["slots"].index(slot)
        self.fired.append(slot)
        slot._sim_notify("is_triggered")
        clip._sim_notify("playing_status")
        track._sim_notify("fired_slot_index")

    def stop(self, track):
        self._silence(track)
        track._sim_passing["playing"] = -1
        track._sim_notify("playing_slot_index")

    def tick(self):
        fired, self.fired = self.fired, []
        for slot in fired:
            track, clip = slot._sim_state["parent"], slot._sim_state["clip"]
            slot._sim_passing["fired"] = False
            track._sim_passing["fired"] = -1
            if slot._sim_state["dead"] or clip is None:
                continue
            self._silence(track)
            clip._sim_passing.update(fired=False, playing=True)
            track._sim_passing["playing"] = track._sim_state["slots"].index(slot)
            self.live.song._sim_set("is_playing", True)
            for thing, name in (
                (slot, "is_triggered"), (slot, "playing_status"), (clip, "playing_status"), (track, "fired_slot_index"),
                (track, "playing_slot_index"),
            ):  # fmt: skip
                thing._sim_notify(name)

    @staticmethod
    def _silence(track):
        for slot in track._sim_state["slots"]:
            clip = slot._sim_state["clip"]
            if clip is not None and clip._sim_passing["playing"]:
                clip._sim_passing["playing"] = False
                clip._sim_notify("playing_status")
                slot._sim_notify("playing_status")
