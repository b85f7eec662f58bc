"""docs/osc.md from the message table: `python -m bridge.protocol.reference > docs/osc.md`."""

import sys
from collections.abc import Iterable

from bridge.protocol.messages import LARGEST_GET, LARGEST_PIECE, Reply, Request
from bridge.protocol.table import RENDER_ADDRESSES, TABLE, Argument, Row
from engine.errors import PunchinError
from engine.spec import NEEDS, Verb

_TYPES = {"s": "text", "i": "int32", "h": "int64", "d": "double", "T": "bool", "b": "blob"}
_ERRORS_NOT_ON_THE_WIRE = {"cannot_start", "no_daemon", "cancelled"}

INTRODUCTION = """\
# OSC reference

This page is made from the code's own message table. Protocol version 1; what 1.1 adds is told in [Between
machines](#between-machines).

The same messages travel three ways, on this machine only unless the daemon was told otherwise:

| Transport | Where | Framing |
| --- | --- | --- |
| UDP | port 17862 of `127.0.0.1` and `::1` | one message or bundle a datagram, at most 8 KiB |
| TCP | the same number | OSC 1.1 SLIP or OSC 1.0 int32 length prefix, detected by the first byte; at most 256 KiB a message |
| spool | `<state>/spool/<client>/` | one file a message: written under another name, then renamed |

Replies go to where the request came from; over UDP, `reply_port` moves them to that port of the same host. Addresses are
literal; time tags are ignored. A source that sends more than 200 messages a second for long is answered `busy`.

A spool folder is opened by a file `hello.osc`, whose content is a `hello`. After it the client writes `in-000001.osc`,
`in-000002.osc`, … and reads `out-000001.osc`, `out-000002.osc`, …; each side deletes what it has read. Files that are older
than the `hello` are not taken.

A request is `/punchin/<verb> <request_id> [<key> <value>]…`. The id is any text of 1 to 64 characters, unique per client:
the same id again is the same request, also after a restart. Keys come in any order. Numbers may be `i`, `h`, `f` or `d` where
they are exact enough, booleans `T`, `F`, 0 or 1. Times are seconds. An unknown key, a wrong type, or a value out of range is
answered by one `rejected` that says what was legal and what came.

`clip`, `description`, `done`, `failed` and `cancelled` are sent again, after 0.5 s and then at doubling pauses up to 30 s, until
the client sends `/punchin/received <job_id>` or has been silent for 60 s. After `hello` with the same `client` name all that was
not received is sent again, in order. Clients pass over keys that they do not know.

Datagrams get lost, doubled and overtaken. A client sends a request again until it is answered, confirms a result only when it has
as many clips as `done` says, or the description, and confirms again what comes again. While it waits for long, it sends a `ping`
now and then, which keeps it from counting as silent.
"""

BETWEEN_MACHINES = f"""\
## Between machines

Protocol 1.1 only adds to version 1, and `welcome` still says 1. With `punchin serve --host ADDRESS` and a token, the daemon
takes TCP connections from other machines. UDP and spool folders stay on its own.

**Hello first.** A connection from another machine begins with `hello`, which carries `token`, and waits for `welcome`.
Anything else is `rejected` with `unauthorized`. Before the welcome a packet has at most 8 KiB, and the hello has 10 seconds;
after three failures the connection ends and its host is kept out for a second, doubling with each further failure up to 300
seconds. Every further `hello` of the connection carries the token too.

**Names.** The names of such clients are kept apart from those of the daemon's own machine, and so are their jobs: to another
machine the jobs of the daemon's own machine do not exist. The `state` of its `welcome` is empty. A name there has at most 57
characters.

**No paths.** `source`, `reference` and `directory` with a path are `rejected` with `unauthorized`.

**A file on its way there.** `put` brings it in pieces of at most {LARGEST_PIECE} bytes, in order. It is named by the SHA-256
of its bytes, in 64 lowercase hexadecimal digits, and each piece carries its own. `put_ok` says how many bytes are there, so
the answer to the first piece tells where to go on, also days later; a piece that is there already, or that leaves a gap,
changes nothing. Once all bytes are there and have the SHA-256, `source` and `reference` take `upload:<SHA-256>`; if they have
another, `rejected` says so and the upload begins anew. Uploads belong to the client that brought them. A client keeps at most
256 files of 8 GiB together, one has at most 2 GiB; those not used for longest make room, and what no request has used for 14
days is removed, but nothing that a job still needs. `busy`: send the piece again later.

**A clip on its way back.** The `path` of a `clip` is `remote:<job>/<index>`, a name and no path, and its key `file` is the
file's name. `get` fetches a stretch of it, at most {LARGEST_GET} bytes, in one `part` for each {LARGEST_PIECE} bytes; each
carries its SHA-256 and the size of the whole. A client says `received` when it has all.

On the daemon's own machine `put`, `upload:` and `get` work too, without a token and after a `hello`: a client that comes
through a tunnel needs them.
"""


def text() -> str:
    """The whole page."""
    rows = list(TABLE.values())
    render = [row for row in rows if row.address in RENDER_ADDRESSES]
    others = [row for row in rows if not issubclass(row.model, Reply) and row not in render]
    replies = [row for row in rows if issubclass(row.model, Reply)]
    parts = [
        INTRODUCTION,
        "## Requests that render\n",
        _table(("Address", "Needs", "Replies"), ((f"`{row.address}`", _needs(row), _replies(row)) for row in render)),
        "`understand` renders nothing: it tells what is heard in the source, or in the selection alone.\n",
        "## Their keys\n",
        _table(("Key", "Type", "Meaning"), map(_key, render[0].keys)),
        "## Other requests\n",
        _table(
            ("Address", "Arguments", "Replies", "Meaning"),
            ((f"`{row.address}`", _arguments(row), _replies(row), row.meaning) for row in others),
        ),
        "## Replies\n",
        _table(
            ("Address", "Arguments", "Meaning"), ((f"`{row.address}`", _arguments(row), row.meaning) for row in replies)
        ),
        "## Keys of `/punchin/clip`\n",
        _table(("Key", "Type", "Meaning"), map(_key, TABLE["/punchin/clip"].keys)),
        "## Keys of `/punchin/description`\n",
        _table(("Key", "Type", "Meaning"), map(_key, TABLE["/punchin/description"].keys)),
        BETWEEN_MACHINES,
        "## Codes of `rejected` and `failed`\n",
        _table(("Code", "Meaning"), _codes()),
    ]
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _key(argument: Argument) -> tuple[str, str, str]:
    return f"`{argument.name}`", _TYPES[argument.tag], argument.meaning


def _needs(row: Row) -> str:
    verb = Verb(RENDER_ADDRESSES[row.address])
    more = {Verb.GENERATE: ", `length` or `bars` and `bpm`", Verb.REPAINT: ", `start` and `end` or `ranges`"}
    return ", ".join(f"`{key}`" for key in NEEDS[verb]) + more.get(verb, "")


def _replies(row: Row) -> str:
    names = row.model.replies if issubclass(row.model, Request) else ()
    if RENDER_ADDRESSES.get(row.address) is Verb.UNDERSTAND:
        names = tuple("description" if name == "clip" else name for name in names)
    return ", ".join(f"`{name}`" for name in names) or "none"


def _arguments(row: Row) -> str:
    positional = [f"`{argument.name}:{argument.tag}`" for argument in row.positional]
    keys = [
        f"`{argument.name} {argument.tag}`" if argument.needed else f"[`{argument.name} {argument.tag}`]"
        for argument in row.keys
    ]
    if row.address in {"/punchin/clip", "/punchin/description"}:
        keys = ["keys below"]
    return " ".join(positional + keys + (["[key value]…"] if row.open_field else []))


def _codes() -> Iterable[tuple[str, str]]:
    for error in PunchinError.__subclasses__():
        if error.code not in _ERRORS_NOT_ON_THE_WIRE and error.__module__ == "engine.errors":
            yield f"`{error.code}`", (error.__doc__ or "").strip()


if __name__ == "__main__":
    sys.stdout.write(text())
