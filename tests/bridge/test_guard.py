import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.osc.guard import MAX_DATAGRAM, BadPacket, Drops, Incoming, Reason, messages

NOW = b"\0\0\0\0\0\0\0\1"
PING = b"/punchin/ping\0\0\0,s\0\0r1\0\0"


def message(address: str, *arguments: tuple[str, object]) -> bytes:
    builder = OscMessageBuilder(address)
    for tag, value in arguments:
        builder.add_arg(value, tag)
    return builder.build().dgram


def bundle(*elements: bytes, tag: bytes = NOW) -> bytes:
    return b"#bundle\0" + tag + b"".join(struct.pack(">i", len(element)) + element for element in elements)


def nested(depth: int) -> bytes:
    packet = PING
    for _ in range(depth):
        packet = bundle(packet)
    return packet


def reason(datagram: bytes) -> Reason:
    with pytest.raises(BadPacket) as caught:
        messages(datagram)
    return caught.value.reason


# what python-osc does by itself: hangs, recursion, escapes, wrong arguments


def test_a_negative_element_size_does_not_hang():
    assert reason(b"#bundle\0" + NOW + b"\xff\xff\xff\xfc") is Reason.ELEMENT


def test_three_thousand_nested_bundles_do_not_recurse():
    packet = b""
    for _ in range(3000):
        packet = bundle(packet)
    assert len(packet) == 60_000
    assert reason(packet) is Reason.SIZE
    with pytest.raises(BadPacket, match="bundle depth"):
        messages(packet, limit=1 << 20)


def test_text_that_is_not_utf8_is_told_apart():
    assert reason(b"/a\0\0,s\0\0\xff\xfe\xfd\0") is Reason.TEXT
    assert reason(b"/a\0\0,s\0\0\xed\xa0\x80\0") is Reason.TEXT  # a lone surrogate


@pytest.mark.parametrize("address", ["/*/*", "/" + "*a" * 14 + "b", "/" + "*" * 25, "/a?", "/[ab]", "/{a,b}"])
def test_a_pattern_is_no_address(address):
    assert reason(message(address)) is Reason.ADDRESS


@pytest.mark.parametrize(
    "address", [b"reply\0\0\0", b"#reply\0\0", b"\0\0\0\0", b"/\0\0\0", b"/a b\0\0\0\0", b"/\xc3\xa4\0"]
)
def test_only_literal_addresses_pass(address):
    assert reason(address + b",\0\0\0") is Reason.ADDRESS


@pytest.mark.parametrize(
    ("tags", "body"),
    [("ci", b"\0\0\0A\0\0\0\7"), ("Ss", b"sym\0str\0"), ("I", b""), ("[i]", b"\0\0\0\7"), ("é", b"")],
)
def test_tags_that_shift_the_arguments_are_refused(tags, body):
    packed = b"," + tags.encode() + b"\0"
    assert reason(b"/a\0\0" + packed + b"\0" * (-len(packed) % 4) + body) is Reason.TAGS


def test_a_bundle_of_the_far_future_is_read_at_once():
    packet = bundle(PING, PING, tag=b"\xff" * 8)
    assert messages(packet) == [Incoming("/punchin/ping", ("r1",))] * 2


def test_a_short_float_is_not_read_as_zero():
    assert reason(b"/a\0\0,f\0\0") is Reason.ARGUMENTS
    assert reason(b"/a\0\0,d\0\0\0\0\0\0") is Reason.ARGUMENTS


def test_a_negative_blob_length_is_not_read_as_an_empty_blob():
    assert reason(b"/a\0\0,b\0\0\xff\xff\xff\xfc") is Reason.ARGUMENTS


# the limits, from both sides


def test_size_limit():
    largest = message("/a", ("b", b"x" * (MAX_DATAGRAM - 12)))
    assert len(largest) == 8192
    assert messages(largest)[0].arguments[0] == b"x" * 8180
    assert reason(message("/a", ("b", b"x" * (MAX_DATAGRAM - 8)))) is Reason.SIZE
    assert reason(b"") is Reason.SIZE


def test_another_transport_may_allow_more():
    lyrics = "la " * 10_000
    assert messages(message("/a", ("s", lyrics)), limit=1 << 16) == [Incoming("/a", (lyrics,))]


def test_depth_limit():
    assert messages(nested(4)) == [Incoming("/punchin/ping", ("r1",))]
    assert reason(nested(5)) is Reason.DEPTH


def test_argument_limit():
    assert len(messages(message("/a", *[("T", True)] * 64))[0].arguments) == 64
    assert reason(message("/a", *[("T", True)] * 65)) is Reason.COUNT


@pytest.mark.parametrize("size", [1, 2, 3, 5, 21])
def test_length_must_be_whole_words(size):
    assert reason((PING * 2)[:size]) is Reason.ALIGNMENT


@pytest.mark.parametrize("size", [0, -1, -(2**31), 2**31 - 1, 28])
def test_elements_stay_inside_their_bundle(size):
    assert reason(b"#bundle\0" + NOW + struct.pack(">i", size) + PING) is Reason.ELEMENT


def test_an_odd_element_is_refused_and_takes_its_neighbours_with_it():
    assert reason(bundle(PING, PING + b"\0")) is Reason.ALIGNMENT


def test_a_bundle_without_room_for_its_time_tag_is_refused():
    assert reason(b"#bundle\0") is Reason.ELEMENT


def test_an_empty_bundle_holds_no_messages():
    assert messages(bundle()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("tag", ["f", "d"])
def test_numbers_are_finite(tag, value):
    assert reason(message("/a", (tag, value))) is Reason.NUMBER


def test_a_missing_or_unmarked_tag_string_is_refused():
    assert reason(b"/a\0\0") is Reason.TAGS
    assert reason(b"/a\0\0i\0\0\0\0\0\0\1") is Reason.TAGS
    assert reason(b"/a\0\0,iii") is Reason.TAGS


def test_strings_are_padded_with_nuls():
    assert reason(b"/a\0x,\0\0\0") is Reason.ADDRESS
    assert reason(b"/a\0\0,s\0\0a\0\0x") is Reason.ARGUMENTS
    assert reason(b"/a\0\0,s\0\0abcd") is Reason.ARGUMENTS


def test_bytes_after_the_last_argument_are_refused():
    assert reason(PING + b"\0\0\0\0") is Reason.ARGUMENTS


def test_bad_packet_is_a_value_error():
    assert issubclass(BadPacket, ValueError)


# round trips

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
BYTE = st.integers(0, 255)
ARGUMENTS = st.one_of(
    st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("f"), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("d"), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("s"), TEXT),
    st.tuples(st.just("b"), st.binary(min_size=1, max_size=60)),
    st.tuples(st.just("r"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("m"), st.tuples(BYTE, BYTE, BYTE, BYTE)),
    st.sampled_from([("T", True), ("F", False), ("N", None)]),
)
MESSAGES = st.tuples(st.from_regex(r"/[A-Za-z0-9_/.-]{1,20}", fullmatch=True), st.lists(ARGUMENTS, max_size=20))


@settings(max_examples=100, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=3))
def test_what_python_osc_builds_comes_back_equal(written):
    sent = [Incoming(address, tuple(value for _, value in arguments)) for address, arguments in written]
    packets = [message(address, *arguments) for address, arguments in written]
    assert [messages(packet, 1 << 16) for packet in packets] == [[each] for each in sent]
    built = OscBundleBuilder(IMMEDIATELY)
    for address, arguments in written:
        builder = OscMessageBuilder(address)
        for tag, value in arguments:
            builder.add_arg(value, tag)
        built.add_content(builder.build())
    assert messages(built.build().dgram, 1 << 16) == sent


def test_an_empty_blob_and_a_time_tag_are_read():
    (read,) = messages(b"/a\0\0,bt\0\0\0\0\0" + b"\x83\xaa\x7e\x80\0\0\0\0")
    assert read.arguments[0] == b""
    assert read.arguments[1][0].year == 1970


# fuzz

WORDS = [-4, -1, 0, 4, 8, 2**31 - 1, 0x7F80_0000, 0x7FF0_0000]


def mutated(packet: bytes, chance: random.Random) -> bytes:
    data = bytearray(packet)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) + 1)
        kind = chance.randrange(6)
        if kind == 0:
            data[place : place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            data[place:place] = chance.randbytes(4)
        elif kind == 2:
            del data[place : place + 4]
        elif kind == 3:
            start = place - place % 4
            data[start : start + 4] = struct.pack(">i", chance.choice(WORDS))
        elif kind == 4:
            data[:] = bundle(bytes(data))
        else:
            data[place:place] = chance.choice([b",ssii\0\0\0", b"#bundle\0", b"/x\0\0", b"\xff\xc0\0\0", b"\0\0\0\0"])
    return bytes(data)


def test_nothing_but_bad_packet_escapes_from_50_000_mutated_datagrams():
    chance = random.Random(17862)
    whole = message(
        "/punchin/repaint",
        *[("s", "r1"), ("s", "prompt"), ("s", "naïve 808 ♪"), ("d", 1.5), ("f", 0.25), ("h", 2**40), ("i", 7)],
        *[("b", b"12345"), ("T", True), ("N", None), ("m", (0, 144, 60, 99)), ("r", 255)],
    )
    seeds = [whole, PING, bundle(PING, whole), nested(4), bundle(bundle(PING), whole, bundle())]
    drops, passed = Drops(), 0
    for _ in range(50_000):
        try:
            read = messages(mutated(chance.choice(seeds), chance))
        except BadPacket as bad:
            drops.add(bad.reason)
        else:
            passed += 1
            assert all(each.address.startswith("/") and len(each.arguments) <= 64 for each in read)
    assert drops.counts.total() + passed == 50_000
    assert passed > 1000
    assert min(drops.counts[each] for each in Reason if each not in {Reason.SIZE, Reason.COUNT}) > 20


# the log line


def test_drops_are_told_once_a_second():
    drops = Drops()
    assert drops.line(0.0) is None
    drops.add(Reason.TEXT)
    assert drops.line(5.0) == "dropped 1 bad datagrams (1 in all): text 1"
    for each in [Reason.ADDRESS, Reason.ADDRESS, Reason.TEXT]:
        drops.add(each)
        assert drops.line(5.9) is None
    assert drops.line(6.0) == "dropped 3 bad datagrams (4 in all): address 2, text 1"
    assert drops.line(7.5) is None
    assert drops.counts == {Reason.ADDRESS: 2, Reason.TEXT: 2}


def test_a_flood_gives_one_line_a_second():
    drops, lines = Drops(), []
    for tick in range(10_000):
        drops.add(Reason.SIZE)
        lines.append(drops.line(tick / 1000))
    assert sum(line is not None for line in lines) == 10
