"""What peers may say to a core, and files that nearly are configurations: for Hypothesis, and to begin with."""

from __future__ import annotations

from hypothesis import strategies as st

from core.world import blobs, define, delete, get, image, request, say, update
from fuzz.core_target import JOIN, SEPARATOR

DEVICES = ("Cam", "Mount", "C'm")
SAYINGS = [
    *(make(device, name) for device in DEVICES for name in ("P", "Q") for make in (define, update, request)),
    *(define(device, "CCD", kind="BLOB") for device in DEVICES),
    *(image(device, "CCD", "A" * size) for device in DEVICES for size in (4, 3000)),
    *(image(device, "CCD", tag="newBLOBVector") for device in DEVICES),
    *(f'<setBLOBVector device="{device}" name="CCD" state="Busy"/>' for device in DEVICES),
    *(delete(device, name) for device in DEVICES for name in (None, "P", "CCD")),
    *(get(device, name) for device in (None, "*", *DEVICES) for name in (None, "P")),
    *(blobs(mode, device) for mode in ("Also", "Only", "Never", "URL", "x") for device in (None, *DEVICES)),
    *(say("m", device) for device in (None, *DEVICES)),
    define("Cam", "P").replace(" name", ' via="A,B" name', 1),
    define("Mount", "P").replace(" name", ' via="ME,B" name', 1),
    define("Cam", "CCD", kind="BLOB").replace(" name", ' via="B" name', 1),
    say("m", "Cam").replace("/>", ' via="A" seq="3"/>'),
    say("m").replace("/>", ' via="ME,A" seq="x"/>'),
    get(inditree="1", via="B"),
    get(inditree="1", via="ME"),
    get(inditree="1", via="B", to="ME"),
    get(inditree="9", via=",", to="C"),
    '<pingRequest uid="SetBLOB/1"/>',
    '<pingRequest uid="blob/1"/>',
    '<pingReply uid="blob/1"/>',
    '<pingReply uid="blob/2"/>',
    '<pingReply uid="probe/1"/>',
    '<pingReply/>',
    "<what device='Cam'/>",
    "<defNumberVector device='' name=''/>",
    "<newNumberVector/>",
    "text",
    "<",
]  # fmt: skip

_PIECE = st.one_of(
    st.tuples(st.integers(0, len(JOIN) - 1), st.lists(st.sampled_from(SAYINGS), min_size=1, max_size=4).map("".join)),
    st.tuples(st.integers(len(JOIN), len(JOIN) + 1), st.text("abcdefghij", max_size=9)),
)
PLAYS = st.lists(_PIECE, max_size=40).map(
    lambda pieces: SEPARATOR.join(bytes([who]) + said.encode() for who, said in pieces)
)

WORDS = [
    "name: x\n", "listen:\n", "- tcp: ':1'\n", "  - {tcp: 'h:2', tls: {cert: c, key: k}}\n", "  - unix: '@a'\n",
    "drivers: [", "{exec: [a]}, ", "{python: 'a:b'}", "]\n", "remotes: [{host: 'a:1'}]\n", "limits: {element: 1KiB}\n",
    "http: {listen: off}\n", "audit: {file: f}\n", "log: {level: debug}\n", "metrics: {properties: [a.b.c]}\n",
    "discovery: {docker: {}}\n", "definitions: view\n", "peers: false", "max_connections: 1", "null", "~", "1e999",
    "-1", "!!python/object:os.system", "&a ", "*a", "<<: ", "{", "}", "[", "]", ",", ": ", "\n", "  ", "'", '"', "#",
    "\0", "\x85", "\u2028", "10s", "1GiB", "0x10", "0777", "2001-01-01", "yes", "off", '{"exec": ["a"]}',
    '{"host": "b"}', "? ", "--- ", "| ", "%YAML 9\n",
]  # fmt: skip
FILES = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=2)), max_size=20).map("".join).map(str.encode)
