from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.framing import BadStream, LengthPrefix, Slip, detected

LIMIT = 4096
packets = st.lists(st.binary(min_size=4, max_size=300), max_size=8)


def fed(framing, stream, cuts):
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [packet for begin, end in pairwise(edges) for packet in framing.feed(stream[begin:end])]


@given(st.sampled_from([LengthPrefix, Slip]), packets, st.lists(st.integers(0, 10_000), max_size=20))
def test_packets_come_out_as_they_went_in_however_the_stream_is_cut(kind, sent, cuts):
    stream = b"".join(kind(LIMIT).frame(packet) for packet in sent)
    assert fed(kind(LIMIT), stream, cuts) == sent


@given(packets)
def test_slip_with_an_end_on_one_side_only(sent):
    stream = b"".join(Slip(LIMIT).frame(packet)[1:] for packet in sent)
    assert Slip(LIMIT).feed(stream) == sent


def test_the_first_byte_tells():
    assert isinstance(detected(0, LIMIT), LengthPrefix)
    for first in (0xC0, ord("/"), ord("#")):
        assert isinstance(detected(first, LIMIT), Slip)


@pytest.mark.parametrize("stream", [b"\xff\xff\xff\xfc", b"\x7f\xff\xff\xff", b"\x00\x00\x10\x01"])
def test_sizes_that_lie_are_refused_before_anything_is_kept(stream):
    with pytest.raises(BadStream):
        LengthPrefix(LIMIT).feed(stream)


@pytest.mark.parametrize("stream", [b"\xdb\x00", b"x" * (LIMIT + 1)])
def test_slip_that_is_none(stream):
    with pytest.raises(BadStream):
        Slip(LIMIT).feed(stream)
