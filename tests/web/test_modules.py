"""The page's modules, each by itself, in headless Chromium."""

# ruff: noqa: E501 - lines of JavaScript

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inditree.observatory.patterns import parse_pattern
from live import serve
from web.browser import Tab, chromium


@pytest.fixture(name="tab", scope="module")
def _tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A browser at a router without drivers: the modules come from there."""
    folder = tmp_path_factory.mktemp("modules")
    with serve(folder) as router, chromium(folder) as tab:
        tab.go(f"http://127.0.0.1:{router.port}/")
        yield tab


def value(tab: Tab, module: str, script: str) -> Any:
    """What `script` gives, in which `m` is the module."""
    return tab.run(f"import('/assets/{module}').then(async (m) => {{ {script} }})")


WRITTEN = [
    (5.5, "%10.6m", "5:30:00"),
    (-0.5, "%9.6m", "-0:30:00"),
    (12.51, "%10.9m", "12:30:36.00"),
    (12.51, "%8.3m", "12:31"),
    (12.51, "%8.5m", "12:30.6"),
    (12.999999, "%10.8m", "13:00:00.0"),
    (0, "%10.6m", "0:00:00"),
    (1.5, "%.2f", "1.50"),
    (3, "%4.0f", "3"),
    (1e-7, "%g", "1e-07"),
    (123456789, "%g", "1.23457e+08"),
    (100000, "%g", "100000"),
    (0.1, "%g", "0.1"),
    (0, "%g", "0"),
    (15.041067, "%.6f", "15.041067"),
    (255, "%x", "ff"),
    (7, "%d", "7"),
    (-7.9, "%i", "-7"),
    (42, "%3.0f %%", "42 %"),
    (1, "nonsense", "1"),
]
READ = [
    ("12.5", 12.5),
    ("-5:23:28", -(5 + 23 / 60 + 28 / 3600)),
    ("5 30 12", 5 + 30 / 60 + 12 / 3600),
    ("5h30m12s", 5 + 30 / 60 + 12 / 3600),
    ("-5°23'28\"", -(5 + 23 / 60 + 28 / 3600)),
    ("-0:30", -0.5),
    (" +7 ", 7),
    ("−10", -10),
    ("1e3", 1000),
    ("2,5", 2.5),
    (".5", 0.5),
    ("12:60:00", None),
    ("north", None),
    ("", None),
    ("1:2:3:4", None),
]


def test_numbers_are_written_by_their_format(tab: Tab) -> None:
    cases = json.dumps([case[:2] for case in WRITTEN])
    got = value(tab, "numbers.js", f"return {cases}.map(([v, f]) => m.write(v, f));")
    assert got == [case[2] for case in WRITTEN]


def test_numbers_are_read_as_people_type_them(tab: Tab) -> None:
    cases = json.dumps([text for text, _ in READ])
    got = value(tab, "numbers.js", f"return {cases}.map((text) => m.read(text));")
    assert got == [pytest.approx(number) if number is not None else None for _, number in READ]


def test_a_number_out_of_its_range_says_the_range(tab: Tab) -> None:
    script = """const item = {min: 0, max: 24, format: "%10.6m"}; const free = {min: 0, max: 0};
    return [m.complaint(5, item), m.complaint(25, item), m.complaint(null, item), m.complaint(-9, free)];"""
    assert value(tab, "numbers.js", script) == ["", "from 0:00:00 to 24:00:00", "not a number", ""]


def test_bytes_and_spans_for_people(tab: Tab) -> None:
    script = "return [[0, 999, 1500, 2621440, 6e7].map(m.bytes), [3, 75, 3700, 90000].map(m.span)];"
    assert value(tab, "numbers.js", script) == [
        ["0 B", "999 B", "1.5 kB", "2.6 MB", "60 MB"],
        ["3s", "1m", "1h 1m", "1d 1h"],
    ]


NUMBER = """{version: 512, device: "D", name: "N", group: "G", label: "L", perm: "rw", state: "Ok",
    items: [{name: "a", label: "A", min: 0, max: 9, step: 1, format: "%g", target: 1, value: 1}]}"""
STORE = f"""let tasks = []; const store = new m.Store((task) => tasks.push(task)); let told = [];
    store.subscribe((changes) => told.push(changes)); const flush = () => {{ for (const t of tasks.splice(0)) t(); }};
    store.apply({{defNumberVector: {NUMBER}}}, 1000);"""


def test_the_store_applies_messages_and_tells_once_a_frame(tab: Tab) -> None:
    script = (
        STORE
        + """for (let i = 0; i < 100; i++) store.apply({setNumberVector: {device: "D", name: "N", state: "Busy",
        message: "moving", items: [{name: "a", target: 5, value: i}]}}, 2000 + i);
    flush(); const p = store.property("D", "N");
    return [told.length, told[0].properties.size, told[0].structure, p.state, p.since, p.items[0].value,
        p.items[0].target, p.items[0].label, p.message, store.messages.length];"""
    )
    assert value(tab, "store.js", script) == [1, 1, True, "Busy", 2000, 99, 5, "A", "moving", 100]


def test_the_store_forgets_what_is_deleted_and_what_is_not_defined_again(tab: Tab) -> None:
    script = (
        STORE
        + f"""store.apply({{defNumberVector: {{...{NUMBER}, name: "M"}}}}); const before = store.property("D", "N");
    store.begin(); store.apply({{defNumberVector: {NUMBER}}}); store.apply({{status: {{}}}});
    const same = before === store.property("D", "N"); const names = [...store.devices.get("D").keys()];
    store.apply({{deleteProperty: {{device: "D"}}}}); return [same, names, store.devices.size];"""
    )
    assert value(tab, "store.js", script) == [True, ["N"], 0]


def test_messages_are_bounded_and_unknown_kinds_passed_over(tab: Tab) -> None:
    script = (
        STORE
        + """for (let i = 0; i < 700; i++) store.apply({message: "m" + i, device: "D", timestamp: "2024-01-01T00:00:00"});
    store.apply({somethingNew: {}}); store.apply({setNumberVector: {device: "X", name: "Y", items: []}});
    return [store.messages.length, store.messages.at(-1).text, store.messages.at(-1).time];"""
    )
    assert value(tab, "store.js", script) == [500, "m699", 1704067200000]


def test_what_moves_a_roof_and_what_stops_a_device(tab: Tab) -> None:
    script = """const p = (name, kind = "Switch", more = {}) => ({name, kind, perm: "rw", items: [{name: "A", value: false}], state: "Ok", ...more});
    const of = (...all) => new Map(all.map((each) => [each.name, each]));
    const roof = of(p("DOME_MOTION")); const dome = of(p("DOME_MOTION"), p("ABS_DOME_POSITION", "Number"));
    const off = of(p("CONNECTION", "Switch", {items: [{name: "CONNECT", value: false}]}), p("CCD_ABORT_EXPOSURE"));
    return [["DOME_SHUTTER", "DOME_PARK", "ROOF", "CCD_SHUTTER", "TELESCOPE_PARK"].map((n) => m.movesRoof(p(n), dome)),
      m.movesRoof(p("DOME_MOTION"), roof), m.movesRoof(p("DOME_MOTION"), dome), m.abortOf(off).name,
      m.aborts(new Map([["C", off]])).length, m.abortOf(dome) === undefined, m.condition(off),
      m.condition(of(p("X", "Switch", {state: "Busy"}), p("Y", "Switch", {state: "Alert"}))),
      m.condition(of(p("Y", "Switch", {state: "Alert"})), {stale: true}), m.condition(off, {stale: false}),
      m.press(p("S", "Switch", {rule: "OneOfMany"}), {name: "A", value: true}), m.press(p("S", "Switch", {rule: "AnyOfMany"}), {name: "A", value: true})];"""
    assert value(tab, "knowledge.js", script) == [
        [True, True, True, False, False],
        True,
        False,
        "CCD_ABORT_EXPOSURE",
        0,
        True,
        "Off",
        "Alert",
        "Stale",
        "Off",
        [{"name": "A", "value": True}],
        [{"name": "A", "value": False}],
    ]


def test_why_a_property_is_red(tab: Tab) -> None:
    script = """const light = (name, value) => ({name, label: name, value}); const p = (kind, items, more = {}) => ({kind, items, state: "Alert", label: "P", ...more});
    return [p("Light", [light("Wind", "Ok"), light("Rain", "Alert"), light("Cloud", "Alert")]), p("Light", [light("Rain", "Alert")], {message: "it rains"}),
      p("Light", [light("Rain", "Busy")]), p("Number", [{name: "a"}])].map(m.why);"""
    assert value(tab, "knowledge.js", script) == ["Rain, Cloud in Alert", "it rains", "", ""]


def test_the_connection_is_lost_after_silence_and_tries_again(tab: Tab) -> None:
    script = """const made = []; class Socket { constructor() { made.push(this); this.readyState = 1; this.sent = []; }
      send(t) { this.sent.push(t); } close() { this.closed = true; } }
    let now = 0; const states = []; const opened = [];
    const c = new m.Connection("ws://x", {open: () => opened.push(1), message() {}, state: (s) => states.push(s)}, {socket: Socket, clock: () => now});
    c._open(); made[0].onopen(); made[0].onmessage({data: "{}"}); now = 6000; c.look(); const early = made[0].closed;
    now = 8000; c.look(); const late = made[0].closed; c.hurry(); made[1].onopen(); made[1].onmessage({data: "{}"});
    const sent = c.send({a: 1}); return [states, opened.length, early ?? false, late, made.length, sent, made[1].sent, c.lostAt];"""
    assert value(tab, "connection.js", script) == [
        ["live", "lost", "live"], 2, False, True, 2, True, ['{"a":1}'], 8000
    ]  # fmt: skip


def test_trends_keep_ten_minutes_a_point_a_second_and_few_series(tab: Tab) -> None:
    script = """const t = new m.Trends(); const item = {name: "a", value: 0, format: "%g"};
    const p = {device: "D", name: "N", kind: "Number", items: [item]};
    for (let i = 0; i < 100000; i++) { item.value = i; t.note(p, i * 100); }
    const points = t.points(p, item, 1e7); const path = m.line(points, 64, 20, 1e7);
    for (let i = 0; i < 1000; i++) t.note({...p, name: "N" + i}, 1e7);
    return [points.length <= 602, points[0][0] >= 1e7 - 602000, points.at(-1)[1], path.startsWith("M"), t._series.size];"""
    assert value(tab, "trends.js", script) == [True, True, 99999, True, 400]


def test_search_finds_by_all_words_in_labels_and_names(tab: Tab) -> None:
    script = """const p = (device, name, label, items = []) => ({device, name, label, group: "Main", items});
    const d = new Map([["Camera", new Map([["T", p("Camera", "T", "Temperature")], ["G", p("Camera", "G", "Gain", [{name: "GAIN", label: "temp gain"}])]])],
      ["Focuser", new Map([["F", p("Focuser", "F", "Focus temperature")]])]]);
    return [m.find(d, "temp").map((x) => x.label), m.find(d, "camera temp").map((x) => x.label), m.find(d, " ").length, m.find(d, "nix").length];"""
    assert value(tab, "search.js", script) == [
        ["Temperature", "Focus temperature", "Gain"], ["Temperature", "Gain"], 0, 0
    ]  # fmt: skip


def test_elements_are_arranged_without_taking_out_what_stays(tab: Tab) -> None:
    script = """const parent = m.h("div"); const [a, b, c] = ["a", "b", "c"].map((t) => m.h("input", {id: t}));
    document.body.append(parent); m.arrange(parent, [a, b]); b.focus(); m.arrange(parent, [c, b]);
    const kept = document.activeElement === b; const order = [...parent.children].map((n) => n.id); parent.remove();
    return [kept, order, m.h("p.x.y", {hidden: false, title: null, dataset: {k: "v"}}, "t", [null, "u"]).outerHTML];"""
    assert value(tab, "dom.js", script) == [True, ["c", "b"], '<p class="x y" data-k="v">tu</p>']


def test_a_condition_names_the_values_that_it_reads_and_what_they_are(tab: Tab) -> None:
    script = """const p = (name, kind, items) => ({name, kind, state: "Busy", timestamp: "2026-01-01T00:00:00", items});
    const all = new Map([["N", p("N", "Number", [{name: "a", value: 5.5, format: "%.1f"}, {name: "b", invalid: true, value: 0}])],
      ["S", p("S", "Switch", [{name: "on", value: true}])], ["L", p("L", "Light", [{name: "l", value: "Alert"}])], ["T", p("T", "Text", [{name: "t", value: "Ha"}])]]);
    const store = {property: (d, n) => (d === "A.B" ? all.get(n) : undefined)};
    const text = `"A.B.N.a" > 5 && clients("10.*") == 0 && "A.B.N._STATE" == 1 || "A.B.S.on" == '"x.y.z"' || "A.B.N.a" < 9 || "A.B.L.l" || "A.B.T.t" || "A.B.N.b" || "C.N.a" || "A.B.N._TS"`;
    return m.operands(text).map((o) => [o.text, o.device, m.present(store, o)]);"""
    assert value(tab, "conditions.js", script) == [
        ["A.B.N.a", "A.B", "5.5"],
        ["A.B.N._STATE", "A.B", "Busy (2)"],
        ["A.B.S.on", "A.B", "On (1)"],
        ["A.B.L.l", "A.B", "Alert (3)"],
        ["A.B.T.t", "A.B", "Ha"],
        ["A.B.N.b", "A.B", "no number"],
        ["C.N.a", "C", "not defined"],
        ["A.B.N._TS", "A.B", "2026-01-01T00:00:00"],
    ]


def test_patterns_of_interlocks_fit_as_the_router_has_them(tab: Tab) -> None:
    cases = [
        ("Dome.DOME_SHUTTER.SHUTTER_OPEN=On", "Dome", "DOME_SHUTTER"),
        ("Dome.DOME_SHUTTER.SHUTTER_OPEN=On", "Dome", "DOME_PARK"),
        ("*.DOME_*.*", "A.B", "DOME_PARK"),
        ("A.B.N.x>5", "A.B", "N"),
        ("A.B.N.x>5", "A.C", "N"),
        ('"A*".N.x != 3', "A*", "N"),
        ('"A*".N.x != 3', "AB", "N"),
        ("D[12].N?.*", "D2", "N1"),
        ("D[12].N?.*", "D3", "N1"),
        ("D(1).N.*", "D(1)", "N"),
        ("Dome", "Dome", "N"),
    ]
    got = value(tab, "conditions.js", f"return {json.dumps(cases)}.map((each) => m.guards(...each));")
    fits = [True, False, True, True, False, True, False, True, False, True, False]
    assert got == fits
    for (text, device, name), wanted in zip(cases[:-1], fits, strict=False):
        assert parse_pattern(text).names(device, name) is wanted


AUTOMATION = """const row = (more) => ({name: "r", state: "armed", hold: 10, steps: ["A.B.C=1", "A.B.D=1"], step: null, due_seconds: null, last: null, ...more});
    const lock = (holds) => ({name: "l" + holds, holds});"""


def test_what_reactions_and_interlocks_wait_for_in_a_word(tab: Tab) -> None:
    script = f"""{AUTOMATION} const last = {{result: "failed"}};
    const rows = [row({{}}), row({{state: "unarmed"}}), row({{state: "waiting", due_seconds: 8}}), row({{state: "running", step: 1, due_seconds: 60}}),
      row({{state: "done", last}}), row({{state: "done", last: {{result: "ok"}}}}), row({{state: "done"}})];
    return [rows.map((each) => m.reactionWord(each, 3)), [true, false, null].map((holds) => m.interlockWord({{holds}})),
      m.news({{interlocks: [true, false, null].map(lock), reactions: rows}}).length, m.anything({{devices: [{{name: "A"}}], interlocks: [], reactions: []}}), m.anything(null)];"""
    assert value(tab, "automation.js", script) == [
        [
            ["Armed", "Ok"],
            ["Not armed yet", "Idle"],
            ["Runs in 5s", "Busy"],
            ["Step 2 of 2", "Busy"],
            ["Failed", "Alert"],
            ["Done", "Idle"],
            ["Done", "Idle"],
        ],
        [["Lets pass", "Ok"], ["Refuses", "Busy"], ["Refuses: unknown", "Alert"]],
        6,
        False,
        False,
    ]


def test_desired_state_names_required_devices_that_are_not_there(tab: Tab) -> None:
    script = """return m.desired({devices: [{name: "B", ready: true, state: "ready", reason: ""}, {name: "A"}, {name: "C", ready: false, state: "setting", reason: "why"}],
      not_ready: {C: "why", Dome: "is not there"}}).map((row) => [row.device, row.ready, row.reason]);"""
    assert value(tab, "automation.js", script) == [
        ["C", False, "why"],
        ["Dome", False, "is not there"],
        ["B", True, ""],
    ]


def test_columns_are_of_about_the_same_height(tab: Tab) -> None:
    script = """return [m.split([64, 64, 150, 64, 80, 64, 150], 2), m.split([10, 10], 3), m.split([], 2), m.split([500, 20, 20, 20], 2)];"""
    assert value(tab, "columns.js", script) == [[4, 3], [1, 0, 1], [0, 0], [1, 3]]


def test_a_card_that_grows_stays_in_its_column(tab: Tab) -> None:
    script = """
    const grid = document.createElement("div"), frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    grid.className = "cards"; grid.style.width = "700px"; document.body.append(grid);
    const cards = [1, 2, 3, 4].map(() => document.createElement("input")), columns = new m.Columns(grid);
    const lie = () => [...grid.children].map((column) => [...column.children].map((card) => cards.indexOf(card)));
    columns.show(cards.map((card) => [card, 60])); await frame();
    const first = lie(); cards[0].focus(); cards[0].style.height = "900px"; await frame();
    const grown = lie(); grid.style.width = "400px"; await frame();
    const narrow = lie(), held = document.activeElement === cards[0]; grid.remove();
    return [first, grown, narrow, held];"""
    assert value(tab, "columns.js", script) == [[[0, 1], [2, 3]], [[0, 1], [2, 3]], [[0, 1, 2, 3]], True]


def test_nights_go_from_noon_to_noon_of_who_looks(tab: Tab) -> None:
    """The zone is that of the browser; in Berlin the clock goes back on the 25th of October 2026."""
    tab.call("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
    script = """const at = (text) => Date.parse(text); const told = m.nights(at("2026-10-24T09:00:00Z"), at("2026-10-26T11:30:00Z"));
    return [told.map((n) => [n.file, n.from.slice(0, 16), n.to.slice(0, 16)]), told[0].name, m.nights(at("2026-10-31T23:00:00Z"), at("2026-11-01T03:00:00Z"))[0].name,
      m.nights(0, at("2026-10-26T11:30:00Z")).length, m.nights(at("2026-10-26T11:20:00Z"), at("2026-10-26T11:30:00Z")).length];"""
    got = value(tab, "nights.js", script)
    tab.call("Emulation.setTimezoneOverride", timezoneId="")
    assert got == [
        [
            ["night-2026-10-26", "2026-10-26T11:00", "2026-10-27T11:00"],
            ["night-2026-10-25", "2026-10-25T11:00", "2026-10-26T11:00"],
            ["night-2026-10-24", "2026-10-24T10:00", "2026-10-25T11:00"],
            ["night-2026-10-23", "2026-10-23T10:00", "2026-10-24T10:00"],
        ],
        "26 to 27 Oct 2026",
        "31 Oct to 1 Nov 2026",
        31,
        1,
    ]


def test_what_is_alike_is_left_in_peace_when_a_list_is_drawn_again(tab: Tab) -> None:
    script = """let told = ""; const row = (name, state) => m.h("li", {class: state}, m.h("button", {dataset: {name}, onclick: () => (told += name)}, name, state), m.h("i", {}, state));
    const list = m.h("ul", {}, row("a", "x"), row("b", "x")); document.body.append(list); const [first, second] = list.querySelectorAll("button"); second.focus();
    m.patch(list, m.h("ul", {}, row("a", "y"), row("b", "y"), row("c", "y"))); const kept = document.activeElement === second && first.isConnected;
    m.patch(list, m.h("ul", {}, row("b", "z"))); const [left] = list.querySelectorAll("button"); left.click(); const html = list.outerHTML; list.remove(); return [kept, told, html];"""
    html = '<ul><li class="z"><button data-name="b">bz</button><i>z</i></li></ul>'
    assert value(tab, "dom.js", script) == [True, "b", html]


# Images

FITS = """const card = (k, v) => (v === undefined ? k : k.padEnd(8) + "= " + String(v).padStart(20)).padEnd(80);
    const fits = (cards, bytes) => { const head = [card("SIMPLE", "T"), ...cards.map(([k, v]) => card(k, v)), card("END")].join("");
      const top = head.padEnd(Math.ceil(head.length / 2880) * 2880); const out = new Uint8Array(top.length + Math.ceil(bytes.length / 2880) * 2880);
      for (let i = 0; i < top.length; i++) out[i] = top.charCodeAt(i); out.set(bytes, top.length); return out.buffer; };
    const big = (size, set) => { const b = new ArrayBuffer(size); set(new DataView(b)); return new Uint8Array(b); };
    const axes = (bits, w = 2, h = 2, more = []) => [["BITPIX", bits], ["NAXIS", 2], ["NAXIS1", w], ["NAXIS2", h], ...more];"""


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        ("fits(axes(8), new Uint8Array([0, 1, 2, 255]))", [0, 1, 2, 255]),
        (
            "fits(axes(16, 2, 2, [['BZERO', 32768], ['BSCALE', 1]]), big(8, (v) => [-32768, 0, 1, 32767].forEach((x, i) => v.setInt16(i * 2, x))))",
            [0, 32768, 32769, 65535],
        ),
        ("fits(axes(16), big(8, (v) => [-5, 0, 7, 300].forEach((x, i) => v.setInt16(i * 2, x))))", [-5, 0, 7, 300]),
        (
            "fits(axes(32), big(16, (v) => [-100000, 0, 1, 2000000].forEach((x, i) => v.setInt32(i * 4, x))))",
            [-100000, 0, 1, 2000000],
        ),
        (
            "fits(axes(-32), big(16, (v) => [-1.5, 0, 0.25, 2].forEach((x, i) => v.setFloat32(i * 4, x))))",
            [-1.5, 0, 0.25, 2],
        ),
        ("fits(axes(-64), big(32, (v) => [-1.5, 0, 0.25, 2].forEach((x, i) => v.setFloat64(i * 8, x))))", [-1.5, 0, 0.25, 2]),
    ],
    ids=["8", "u16", "16", "32", "float", "double"],
)  # fmt: skip
def test_fits_of_each_depth(tab: Tab, make: str, expected: list[float]) -> None:
    script = f"{FITS} const f = m.parse({make}); return [...f.data].map((v) => f.zero + f.scale * v);"
    assert value(tab, "image/fits.js", script) == expected


def test_fits_headers_and_what_is_no_fits(tab: Tab) -> None:
    script = f"""{FITS} const f = m.parse(fits(axes(8, 2, 2, [["BAYERPAT", "'RGGB    '"], ["YBAYROFF", 1]]), new Uint8Array(4)));
    const bad = (b) => {{ try {{ m.parse(b); return "no error"; }} catch (e) {{ return e.message; }} }};
    return [f.bayer, m.card("OBJECT  = 'it''s M42'          / what it is".padEnd(80)), m.card("COMMENT free text".padEnd(80)),
      bad(new ArrayBuffer(2880)), bad(fits(axes(8, 9999, 9999), new Uint8Array(4))), bad(fits([["BITPIX", 8], ["NAXIS", 0]], new Uint8Array(0))),
      bad(fits(axes(64), new Uint8Array(32)))];"""
    assert value(tab, "image/fits.js", script) == [
        "GBRG",
        ["OBJECT", "it's M42", "what it is"],
        ["COMMENT", "", "free text"],
        "not a FITS file",
        "the file ends inside the image",
        "no image in this file",
        "pixels of 64 bits are not known",
    ]


def test_a_bayer_picture_becomes_colour(tab: Tab) -> None:
    script = """const plane = new Uint16Array(16); const colour = {R: 100, G: 50, B: 10};
    for (let i = 0; i < 16; i++) plane[i] = colour["RGGB"[((i >> 2) & 1) * 2 + (i & 1)]];
    const picture = {width: 4, height: 4, planes: [plane], bayer: "RGGB"};
    return [m.quads(picture).planes.map((p) => [...new Set(p)]), m.mosaic(picture, 1, 1), m.mosaic(picture, 2, 2), m.pyramid(picture, true).length, m.pyramid(picture, false).length];"""
    assert value(tab, "image/pixels.js", script) == [[[100], [50], [10]], [100, 50, 10], [100, 50, 10], 2, 1]


def test_the_automatic_stretch_brings_the_sky_to_a_quarter(tab: Tab) -> None:
    script = """const plane = new Uint16Array(90000); for (let i = 0; i < plane.length; i++) plane[i] = 1000 + (i * 7919 % 101) - 50;
    for (let i = 0; i < 100; i++) plane[i * 900] = 60000;
    const s = m.statistics([plane]); const a = m.automatic(s); const t = m.table(a); const l = m.table(m.linear(s));
    return [t[1000], t[60000], t[0], l[0], l[65535], s.histogram.length, s.histogram.reduce((x, y) => x + y, 0) > 80000, m.midtones(0.25, 0.25)];"""
    sky, star, black, *rest = value(tab, "image/stretch.js", script)
    assert 50 <= sky <= 80 and star >= 250 and black == 0
    assert rest == [0, 255, 256, True, 0.5]


def test_a_flat_picture_has_a_stretch_too(tab: Tab) -> None:
    script = """return [0, 500, 65535].map((v) => { const s = m.statistics([new Uint16Array(100).fill(v)]); const a = m.automatic(s);
      return [a.white > a.black, a.mid > 0 && a.mid < 1, s.range.to > s.range.from]; });"""
    assert value(tab, "image/stretch.js", script) == [[True] * 3] * 3


def test_a_view_is_drawn_from_the_level_that_fits(tab: Tab) -> None:
    script = """const { pyramid } = await import("/assets/image/pixels.js"); const table = new Uint8ClampedArray(65536).map((_, i) => i >> 8);
    const plane = new Uint16Array(1024 * 1024).fill(0x8000); plane[0] = 0xffff;
    const levels = pyramid({width: 1024, height: 1024, planes: [plane], bayer: ""}, true);
    const one = m.render(levels, {x: 0, y: 0, scale: 4, width: 8, height: 8}, table, true);
    const small = m.render(levels, {x: 0, y: 0, scale: 0.5, width: 520, height: 4}, table, true);
    return [levels.length, [...one.slice(0, 4)], [...one.slice(16, 20)], small[3], small[4 * 519 + 3], small[4 * 4]];"""
    assert value(tab, "image/render.js", script) == [
        2, [255, 255, 255, 255], [128, 128, 128, 255], 255, 0, 128
    ]  # fmt: skip


def test_a_resize_shows_the_picture_at_once_and_not_a_blank(tab: Tab) -> None:
    """The worker is asked for a new drawing and never answers here: what was drawn stands in the new size meanwhile."""
    script = """const v = new m.Viewer({loaded() {}, failed() {}, pixel() {}}); v.worker.terminate(); v.worker = {postMessage() {}};
    v.node.style = "min-height: 0; height: 100px; width: 200px"; document.body.append(v.node); const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    await frames(); v._heard({kind: "loaded", width: 10, height: 10}); v.setStretch({}); const {width, height} = v.canvas; const rgba = new Uint8ClampedArray(width * height * 4);
    const view = {...v.view, width, height};
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) { const at = view.x + x / view.scale; const left = at >= 0 && at < 5; rgba.set([left ? 250 : 0, at >= 5 && at < 10 ? 250 : 0, 0, 255], (y * width + x) * 4); }
    v._heard({kind: "drawn", view, rgba}); const pixel = (x, y) => [...v.canvas.getContext("2d").getImageData((x - v.view.x) * v.view.scale, (y - v.view.y) * v.view.scale, 1, 1).data];
    const before = [pixel(2, 5), pixel(8, 5)]; v.node.style = "min-height: 0; height: 60px; width: 300px"; await frames(); const after = [pixel(2, 5), pixel(8, 5)];
    v.node.remove(); return [before, after, v.canvas.height !== height];"""
    red, green = [250, 0, 0, 255], [0, 250, 0, 255]
    before, after, resized = value(tab, "image/viewer.js", script)
    assert before == [red, green] and resized
    assert after == [red, green]


def test_each_module_is_short_and_imports_nothing_from_elsewhere() -> None:
    folder = Path(__file__).parents[2] / "service" / "inditree" / "web" / "assets"
    for file in folder.rglob("*.js"):
        text = file.read_text()
        assert len(text.splitlines()) <= 300, file
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text, file
        assert "innerHTML" not in text and "eval(" not in text, file
