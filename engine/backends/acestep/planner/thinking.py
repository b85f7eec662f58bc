"""What the planner is asked in each of its modes, and what is made of its answers: the user's values stand above its own."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from engine.backends.acestep.planner import chat, codes, guards
from engine.backends.acestep.planner.metadata import FIELDS, LANGUAGES, Metadata
from engine.backends.acestep.planner.sampling import Sampling
from engine.backends.acestep.planner.weights import LanguageModel
from engine.backends.acestep.planner.writing import LONGEST_SPEECH, LONGEST_THOUGHT, Writer
from engine.backends.acestep.prompts import INSTRUMENTAL, METERS, UNKNOWN_LANGUAGE, is_instrumental
from engine.backends.base import Report
from engine.expert import Expert
from engine.spec import RenderSpec
from engine.units import Seconds

CONTEXT = 8192
"""Tokens of a prompt and its answer together."""
HEARING = 0.3
"""Temperature for what is heard rather than made up."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Words:
    """What a piece is to be, in the words of the model."""

    caption: str
    lyrics: str
    metadata: Metadata
    """Of the spec at first: these are never changed, only added to. Without a caption."""
    wanted: tuple[str, ...] = FIELDS
    """The fields that the planner may add."""

    @classmethod
    def of(cls, spec: RenderSpec, seconds: Seconds) -> "Words":
        """What a spec says. What it names in a way that the planner does not know stays unnamed."""
        unknown = set()
        if spec.tempo_map is not None:
            unknown |= {"bpm"} if spec.bpm is None else set()
            unknown |= {"timesignature"} if spec.meter is None else set()
        if spec.meter is not None and spec.meter.partition("/")[0] not in METERS:
            unknown.add("timesignature")
        if spec.language not in LANGUAGES:
            unknown.add("language")
        wanted = tuple(name for name in FIELDS if name not in unknown)
        return cls(spec.prompt, _sung(spec.lyrics), Metadata.of(spec, seconds), wanted)

    def into(self, spec: RenderSpec) -> RenderSpec:
        """The spec with these words, and with what it left open filled in."""
        found = self.metadata
        added: dict[str, object] = {
            "prompt": self.caption,
            "lyrics": "" if self.lyrics == INSTRUMENTAL else self.lyrics,
        }
        if spec.bpm is None and found.bpm is not None:
            added["bpm"] = float(found.bpm)
        if spec.key is None and found.keyscale is not None:
            added["key"] = found.keyscale
        if spec.meter is None and found.timesignature is not None:
            added["meter"] = meter(found.timesignature)
        if spec.language == UNKNOWN_LANGUAGE and found.language is not None:
            added["language"] = found.language
        return spec.model_copy(update=added)


def meter(beats: int) -> str:
    """A time signature of which only the beats are known."""
    return "6/8" if beats == 6 else f"{beats}/4"


class Thinker:
    """One job's questions to a planner."""

    def __init__(self, lm: LanguageModel, expert: Expert, tell: Tell) -> None:
        self._lm = lm
        self._expert = expert
        self._tell = tell
        self._how = Sampling(
            expert.planner_temperature,
            expert.planner_guidance,
            expert.planner_top_p,
            expert.planner_top_k,
            expert.planner_repetition,
        )

    def plan(self, words: Words, seed: int, report: Report, *, reworded: bool) -> Words:
        """Metadata for what is not given; `reworded`: with a caption of the planner's own. Raises what `report` raises."""
        wanted = [name for name in words.wanted if reworded or name != "caption"]
        if not set(wanted) - set(words.metadata.given()):
            return words
        lyrics = words.lyrics or INSTRUMENTAL
        asked = [chat.plan(words.caption, lyrics) + chat.THINKING]
        if not reworded and self._how.guidance != 1.0:
            # Guidance distorts words; of figures it makes better ones.
            asked.append(chat.plan_unguided(lyrics, self._expert.planner_negative) + chat.THINKING)
        writer = self._writer(asked, seed, self._how, report)
        if writer is None:
            return words
        found = Metadata.parse(writer.think(words.metadata, wanted))
        return self._merged(words, found, words.lyrics) if reworded else replace(words, metadata=_known(words, found))

    def codes(self, asked: Words, words: Words, how_many: int, seeds: Sequence[int], report: Report) -> Tensor | None:
        """Codes [seeds, how_many] for the question `asked` and its answer `words`; None where there is no room for them."""
        thought = replace(words.metadata, caption=words.caption if words.caption != asked.caption else None).yaml()
        ids = self._lm.vocabulary.ids
        prompt = ids(chat.codes(asked.caption, words.lyrics or INSTRUMENTAL, thought))
        unasked = ids(chat.codes_unguided(self._expert.planner_negative))
        if max(len(prompt), len(unasked)) + how_many > self._context:
            self._tell("the words are too long for a plan of this length: rendered without codes")
            return None
        return codes.written(self._lm.model, prompt, unasked, how_many, seeds, self._how, report)

    def inspire(self, words: Words, seed: int, report: Report) -> Words:
        """A whole plan from a short query: caption, metadata, and lyrics unless they are there or not wanted."""
        question = chat.inspire(words.caption, instrumental=words.lyrics == INSTRUMENTAL)
        return self._worded(words, question, seed, report, sung=not words.lyrics)

    def rewrite(self, words: Words, seed: int, report: Report) -> Words:
        """Caption and lyrics made better, metadata added."""
        sung = not is_instrumental(words.lyrics)
        return self._worded(words, chat.rewrite(words.caption, words.lyrics), seed, report, sung=sung)

    def understand(self, heard: Sequence[int], seed: int, report: Report) -> Words:
        """What music of these codes is; nothing is taken as known."""
        how = Sampling(temperature=HEARING, guidance=1.0)
        writer = self._writer([chat.understand(heard) + chat.THINKING], seed, how, report)
        if writer is None:
            return Words("", "", Metadata())
        found = Metadata.parse(writer.think(Metadata()))
        fault = guards.fault_of_caption(found.caption)
        if fault:
            self._tell(f"the planner's caption was {fault}: it is left out")
        lyrics = guards.without_heading(writer.speak(chat.THOUGHT))
        fault = "" if is_instrumental(lyrics) else guards.fault_of_lyrics(lyrics)
        if fault:
            self._tell(f"the planner's lyrics were {fault}: they are left out")
        caption = "" if guards.fault_of_caption(found.caption) else found.caption or ""
        return Words(caption, "" if fault else lyrics, found)

    def _worded(self, words: Words, question: str, seed: int, report: Report, *, sung: bool) -> Words:
        writer = self._writer([question + chat.THINKING], seed, self._how, report)
        if writer is None:
            return words
        found = Metadata.parse(writer.think(words.metadata, words.wanted))
        lyrics = words.lyrics
        if sung:
            written = guards.without_heading(writer.speak(chat.THOUGHT))
            fault = guards.fault_of_lyrics(written)
            if fault:
                self._tell(f"the planner's lyrics were {fault}: {'yours were kept' if lyrics else 'there are none'}")
            lyrics = lyrics if fault else written
        if not lyrics:
            words = replace(words, metadata=replace(words.metadata, language=UNKNOWN_LANGUAGE))
        return self._merged(words, found, lyrics or INSTRUMENTAL)

    def _merged(self, words: Words, found: Metadata, lyrics: str) -> Words:
        fault = guards.fault_of_caption(found.caption)
        if fault:
            self._tell(f"the planner's caption was {fault}: yours was kept")
        caption = words.caption if fault else found.caption or words.caption
        return Words(caption, lyrics, _known(words, found), words.wanted)

    def _writer(self, asked: Collection[str], seed: int, how: Sampling, report: Report) -> Writer | None:
        prompts = [self._lm.vocabulary.ids(each) for each in asked]
        if max(map(len, prompts)) + LONGEST_THOUGHT + LONGEST_SPEECH > self._context:
            self._tell("the words are too long for the planner: they were taken as they are")
            return None
        return Writer(self._lm.model, self._lm.vocabulary, prompts, seed, how, report)

    @property
    def _context(self) -> int:
        return min(CONTEXT, int(self._lm.model.config.max_position_embeddings))


def _known(words: Words, found: Metadata) -> Metadata:
    return words.metadata.over(replace(found, caption=None))


def _sung(lyrics: str) -> str:
    """Lyrics as the planner was trained with; nothing at all stays nothing, which inspiration may fill."""
    if not lyrics.strip():
        return ""
    return INSTRUMENTAL if is_instrumental(lyrics) else lyrics
