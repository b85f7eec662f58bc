"""Who plays: the style's players, those that words bring or send home, and a player for any track."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from engine.backends.draft.prompt import NEUTRAL_STYLE, Wishes
from engine.backends.draft.stylebook import Drums, Style, Voice
from engine.errors import Unsupported

Players: TypeAlias = dict[str, Drums | Voice]
"""Track name to player."""
BEATEN = ("drums", "percussion", "fx")
"""Tracks that strike drum notes."""


def asked_band(wishes: Wishes, styles: Mapping[str, Style]) -> Players:
    """The style's players, with those that the prompt adds and without those that it sends home."""
    players = _of(wishes.style)
    for wanted in wishes.wanted:
        old = players.get(wanted.track)
        if old is None:
            players[wanted.track] = wanted.voice or _of(styles[NEUTRAL_STYLE])[wanted.track]
        elif wanted.voice:
            players[wanted.track] = old.model_copy(update={"instrument": wanted.voice.instrument, "enter": 0.0})
    stay = (wishes.only or set(players)) - wishes.unwanted
    kept = {track: player for track, player in players.items() if track in stay}
    # Somebody has to play, whatever the words send home, and in the quietest section too.
    kept = kept or {voice.track: voice for voice in wishes.style.voices}
    first = min(player.enter for player in kept.values())
    return {
        track: player.model_copy(update={"enter": 0.0}) if player.enter == first else player
        for track, player in kept.items()
    }


def named_band(parts: Sequence[str], wishes: Wishes, styles: Mapping[str, Style]) -> Players:
    """Exactly the named tracks, as the style or else the neutral one plays them, all from the first bar on.

    Raises Unsupported for a track that nobody plays by rules: vocals.
    """
    players: Players = {}
    asked = {wanted.track: wanted.voice for wanted in wishes.wanted if wanted.voice}
    for track in dict.fromkeys(parts):
        own, neutral = _of(wishes.style).get(track), _of(styles[NEUTRAL_STYLE]).get(track)
        player = own or asked.get(track) or neutral
        if player is None:
            raise Unsupported(f"the draft engine has nobody who plays {track}")
        voice = asked.get(track)
        players[track] = player.model_copy(
            update={"enter": 0.0, "instrument": voice.instrument if voice else player.instrument}
        )
    return players


def _of(style: Style) -> Players:
    beaten = {"drums": style.drums, "percussion": style.percussion}
    return {track: drums for track, drums in beaten.items() if drums} | {voice.track: voice for voice in style.voices}
