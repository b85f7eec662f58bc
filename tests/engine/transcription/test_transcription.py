"""Stems whose notes are known, written down again."""

import io
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from engine import RenderSpec, Studio, transcription
from engine.admission import admitted
from engine.backends import draft
from engine.backends.draft.compose import compose
from engine.backends.draft.drumkit import KITS, drum
from engine.backends.draft.synth import sound
from engine.errors import BadModel, Unsupported
from engine.jobs import Job, JobState, Origin
from engine.transcription.drums import HAT, KICK, SNARE, hits
from engine.transcription.net import LOWEST, Heard, Net
from engine.transcription.notes import HeardNote, notes_of, one_at_a_time
from engine.transcription.writing import Transcriber, midi_file

RATE = 44100
CLASSES = {35: KICK, 36: KICK, 37: SNARE, 38: SNARE, 39: SNARE, 40: SNARE, 42: HAT, 44: HAT, 46: HAT, 49: HAT, 51: HAT}
with_net = [
    pytest.mark.notes,
    pytest.mark.skipif(transcription.net_path() is None, reason=f"the net is not installed: {transcription.INSTALL}"),
]


def still(_):
    return None


def f1(known, found, within=0.05):
    """F measure of (seconds, pitch): each of them is used once."""
    left = list(found)
    right = 0
    for start, pitch in known:
        near = [each for each in left if each[1] == pitch and abs(each[0] - start) <= within]
        if near:
            left.remove(min(near, key=lambda each: abs(each[0] - start)))
            right += 1
    return 2 * right / (len(known) + len(found))


def starts(notes):
    return [(note.start, note.pitch) for note in notes]


def beat(rate, bars=4, gain=0.5):
    """Kick on one and three, snare on two and four, hats on the eighths; their times and notes, and [1, frames]."""
    known = []
    for eighth in range(8 * bars):
        at = 0.1 + eighth * 0.25
        known += [(at, HAT)] + ([(at, (KICK, SNARE)[eighth % 4 // 2])] if eighth % 2 == 0 else [])
    out = np.zeros((1, round((0.1 + 2 * bars + 0.5) * rate)), np.float32)
    for at, note in known:
        hit = drum(KITS["kit_808"], note, 0.8, rate)
        first = round(at * rate)
        out[:, first : first + hit.shape[1]] += hit[:, : out.shape[1] - first]
    return known, out * np.float32(gain)


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
@pytest.mark.parametrize("gain", [0.02, 0.5])
def test_a_beat_is_written_down_at_every_rate_and_level(rate, gain):
    known, samples = beat(rate, gain=gain)
    assert f1(known, starts(hits(samples, rate)), within=0.01) >= 0.9


def test_a_louder_hit_has_a_higher_velocity():
    _, samples = beat(RATE, bars=2)
    half = samples.shape[1] // 2
    samples[:, half:] *= np.float32(0.4)
    kicks = [hit for hit in hits(samples, RATE) if hit.pitch == KICK]
    assert kicks[0].velocity > 1.3 * kicks[-1].velocity
    assert all(0 < hit.velocity <= 1 for hit in kicks)


def test_silence_and_crumbs_hold_no_hits():
    for frames in (0, 1, 100, RATE):
        assert hits(np.zeros((2, frames), np.float32), RATE) == ()


@pytest.mark.parametrize(("prompt", "least"), [("pop", 0.75), ("house", 0.65)])
def test_drums_of_the_arranger(prompt, least):
    spec = RenderSpec.parse({"verb": "generate", "prompt": prompt, "length": 12.0, "bpm": 110.0})
    _, stems, score = compose(spec, 5, 12 * RATE, RATE, still)
    (part,) = (part for part in score.parts if part.name == "drums")
    known = {
        (round(score.seconds_at(note.start), 3), CLASSES[note.pitch]) for note in part.notes if note.pitch in CLASSES
    }
    assert f1(sorted(known), starts(hits(stems["drums"], RATE))) >= least


# The file


def read(content):
    """Tempo and (seconds, channel, note, velocity) of what begins, as mido reads it."""
    file = mido.MidiFile(file=io.BytesIO(content))
    now, tempo, found = 0.0, None, []
    for message in file:
        now += message.time
        if message.type == "set_tempo":
            tempo = mido.tempo2bpm(message.tempo)
        if message.type == "note_on" and message.velocity:
            found.append((now, message.channel, message.note, message.velocity))
    return tempo, found


NOTES = (HeardNote(0.0, 0.5, 40, 0.5), HeardNote(1.25, 2.0, 43, 1.0))


@pytest.mark.parametrize(("bpm", "tempo"), [(None, 120.0), (93.5, 93.5)])
@pytest.mark.parametrize(("track", "channel"), [("bass", 0), ("drums", 9)])
def test_the_file_has_the_requests_tempo_and_the_notes_their_seconds(bpm, tempo, track, channel):
    spec = RenderSpec.parse({"verb": "extract", "source": "/a.wav", "tracks": track, "bpm": bpm})
    found_tempo, found = read(midi_file(track, NOTES, 4.0, spec))
    assert found_tempo == pytest.approx(tempo, abs=1e-3)
    assert [(at, note) for at, _, note, _ in found] == [
        (pytest.approx(0.0, abs=1e-3), 40),
        (pytest.approx(1.25, abs=1e-3), 43),
    ]
    assert {on for _, on, _, _ in found} == {channel}
    assert [velocity for *_, velocity in found] == [64, 127]


def test_a_key_is_written_only_where_it_is_known():
    values = {"verb": "extract", "source": "/a.wav", "tracks": "bass"}
    for key, signatures in ((None, []), ("E minor", ["Em"])):
        content = midi_file("bass", NOTES, 4.0, RenderSpec.parse({**values, "key": key}))
        file = mido.MidiFile(file=io.BytesIO(content))
        assert [
            message.key for track in file.tracks for message in track if message.type == "key_signature"
        ] == signatures


# From likelihoods to notes


def heard(*notes, frames=200):
    """(first frame, end, pitch) as a net would tell it."""
    sounding, beginning = np.zeros((2, frames, 88), np.float32)
    for first, end, pitch in notes:
        sounding[first:end, pitch - LOWEST] = 0.8
        beginning[first, pitch - LOWEST] = 0.9
    return Heard(sounding, beginning)


def test_a_note_lasts_while_it_sounds_and_until_it_is_struck_again():
    first, again, other = notes_of(heard((10, 60, 60), (60, 90, 60), (70, 73, 40), (100, 180, 64)))
    frame = 256 / 22050
    assert (first.start, first.end) == (pytest.approx(10 * frame), pytest.approx(60 * frame))
    assert (again.start, again.end) == (pytest.approx(60 * frame), pytest.approx(90 * frame))
    assert other.pitch == 64, "what lasts 35 ms is no note"


def test_a_bass_plays_one_note_at_a_time():
    low, high = HeardNote(0.0, 2.0, 40, 0.9), HeardNote(0.02, 1.0, 52, 0.5)
    after = HeardNote(1.5, 2.5, 43, 0.3)
    assert one_at_a_time((low, high, after)) == (replace(low, end=1.5), after)
    assert one_at_a_time(()) == ()


# With the net


@pytest.fixture(scope="module")
def transcriber():
    return Transcriber()


def line(pitches, seconds, instrument, rate):
    known = [(0.1 + seconds * place, pitch) for place, pitch in enumerate(pitches)]
    out = np.zeros((1, round((known[-1][0] + 1.5) * rate)), np.float32)
    for at, pitch in known:
        tone = sound(instrument, pitch, 0.8, seconds * 0.9, rate, lambda: None).mean(axis=0)
        first = round(at * rate)
        out[0, first : first + len(tone)] += tone[: out.shape[1] - first]
    return known, out * np.float32(0.3)


SCALE = [60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 67]


class TestWithTheNet:
    pytestmark = with_net

    @pytest.mark.parametrize("rate", [22050, 44100, 96000])
    def test_a_line_is_written_down_at_every_rate(self, transcriber, rate):
        known, samples = line(SCALE, 0.3, "piano", rate)
        found = transcriber.notes("keyboard", np.repeat(samples, 2, axis=0), rate, still)
        assert f1(known, starts(found)) >= 0.9

    def test_a_bass_line_and_chords(self, transcriber):
        known, samples = line([note - 26 for note in SCALE], 0.3, "finger_bass", RATE)
        assert f1(known, starts(transcriber.notes("bass", samples, RATE, still))) >= 0.85
        triads = [line([root + step for root in (60, 65, 67, 60)], 1.0, "piano", RATE) for step in (0, 4, 7)]
        known = [note for notes, _ in triads for note in notes]
        found = transcriber.notes("keyboard", sum(samples for _, samples in triads), RATE, still)
        assert f1(known, starts(found)) >= 0.85

    def test_silence_and_crumbs_hold_no_notes(self, transcriber):
        for frames in (1, 100, RATE):
            assert transcriber.notes("keyboard", np.zeros((2, frames), np.float32), RATE, still) == ()

    def test_another_file_than_the_known_one_is_refused(self, tmp_path):
        damaged = bytearray(transcription.net_path().read_bytes())
        damaged[1000] ^= 1
        path = tmp_path / "nmp.onnx"
        path.write_bytes(damaged)
        with pytest.raises(BadModel, match="damaged or of another version"):
            Net(path)

    def test_how_far_it_is_is_told_and_it_can_be_stopped(self, transcriber):
        told = []
        transcriber.notes("keyboard", np.zeros((1, 10 * RATE), np.float32), RATE, told.append)
        assert len(told) >= 5
        assert told == sorted(told)
        with pytest.raises(KeyboardInterrupt):
            transcriber.notes("keyboard", np.zeros((1, RATE), np.float32), RATE, interrupt)


def interrupt(_):
    raise KeyboardInterrupt


# Beside the clips


def extract(**values):
    return RenderSpec.parse({"verb": "extract", "source": "/a.wav", "engine": "draft", "midi": True, **values})


@pytest.fixture
def without(monkeypatch):
    monkeypatch.setattr(transcription, "net_path", lambda: None)


def test_without_the_net_melodic_stems_are_refused_with_the_way_to_get_it(without, tmp_path):
    source = tmp_path / "a.wav"
    source.write_bytes(b"x")
    engines = {"draft": draft.DESCRIPTION}
    with pytest.raises(Unsupported, match=r"bass, other .* pip install --no-deps basic-pitch==0\.4\.0"):
        admitted(extract(source=str(source), tracks="drums,bass,other"), engines)
    with pytest.raises(Unsupported, match="notes of all"):
        admitted(extract(source=str(source), tracks="all"), engines)
    assert admitted(extract(source=str(source), tracks="drums,residual"), engines)[0].midi
    assert not admitted(extract(source=str(source), tracks="all", midi=False), engines)[0].midi


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with Studio(tmp_path_factory.mktemp("s") / "state", engines={"draft": draft.DESCRIPTION}) as running:
        yield running


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    known, samples = beat(RATE)
    path = tmp_path_factory.mktemp("music") / "song.wav"
    soundfile.write(path, samples.T, RATE, subtype="FLOAT")
    return known, path


def test_a_midi_file_stands_beside_its_clip_and_nothing_is_written_over(studio, song, tmp_path):
    known, path = song
    mine = tmp_path / "song_extract_drums.mid"
    mine.write_bytes(b"somebody's work")
    spec = extract(source=str(path), tracks="drums,residual", start=2.1, end=6.1, directory=str(tmp_path), bpm=120.0)
    job = studio.wait(studio.submit(spec).id, 60)
    assert job.state is JobState.RENDERED, job.message
    drums, residual = job.clips
    assert (drums.midi.name, residual.midi) == ("song_extract_drums-2.mid", None)
    assert mine.read_bytes() == b"somebody's work"
    tempo, found = read(drums.midi.read_bytes())
    assert tempo == pytest.approx(120.0)
    wanted = [(at - 2.1, note) for at, note in known if 2.1 <= at < 6.05]
    assert f1(wanted, [(at, note) for at, _, note, _ in found]) >= 0.8
    assert not list(tmp_path.glob(".punchin-*"))
    assert studio.store.get(job.id).clips == job.clips


def test_a_job_that_was_cut_off_between_its_files_is_brought_to_its_end(studio, song, tmp_path):
    _, path = song
    spec = extract(source=str(path), tracks="drums", directory=str(tmp_path))
    done = studio.wait(studio.submit(spec).id, 60)
    clip = done.clips[0]
    clip.midi.rename(tmp_path / ".punchin-j9-000-midi.part")
    kept = replace(clip, temporary=Path(tmp_path / "gone"), midi_temporary=tmp_path / ".punchin-j9-000-midi.part")
    state = tmp_path / "state"
    with Studio(state, engines={"draft": draft.DESCRIPTION}) as other:
        job = Job("j9", Origin("reaper", "r9"), done.spec, "draft", state=JobState.RENDERING, clips=(kept,))
        other.store.add(job)
        other.store.save(job)
    with Studio(state, engines={"draft": draft.DESCRIPTION}) as again:
        job = again.wait("j9", 30)
    assert job.state is JobState.RENDERED
    assert job.clips[0].midi == clip.midi
    assert clip.midi.is_file()
