"""What the field's drivers write, played by a driver of a running router: nobody is thrown out, the driver's pid stays.

The clients are a strict one (ElementTree, UTF-8) and one that comes later. Rules: docs/wire.md, "Repair".
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from integration.players import AFTER, DEFINITION, FACES, GO, TEXT, Play, Strict
from live import Client, until

CASES: dict[str, tuple[bytes, set[str]]] = {
    "control in a message": (
        b"<message device='Mount' message='[SCOPE] RES &lt;\x06\x15#&gt;'/>\n",
        {"[SCOPE] RES <??#>"},
    ),
    "message": (
        b"<message device='Mount' message='AT&T: status <OK>; 5 & 6'/>\n",
        {"AT&T: status <OK>; 5 & 6"},
    ),
    "ampersand in a text": (TEXT.format("R & D; ok").encode(), {"R & D; ok"}),
    "less in a text": (TEXT.format("a < b").encode(), {"a < b"}),
    "an entity that is none": (TEXT.format("&nbsp;x").encode(), {"&nbsp;x"}),
    "end of CDATA": (TEXT.format("a ]]> b").encode(), {"a ]]> b"}),
    "unbalanced": (TEXT.format("open<setTextVector>").encode(), {"open<setTextVector>"}),
    "open": (b"<setTextVector device='Mount' name='TXT'><oneText name='T'>\n", set()),
    "latin-1": (TEXT.format("\xb0C").encode("latin-1"), {"\xb0C"}),
    "utf-8": (TEXT.format("H\u03b1").encode(), {"H\u03b1"}),
    "twice": (b"<message device='Mount' message='first' message='second'/>\n", {"first"}),
    "attribute without quotes": (b"<message device=Mount message=x/>\n", set()),
    "printed": (b"status <OK>\n</x> & so on\n", set()),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", CASES)
def test_nobody_is_thrown_out(tmp_path: Path, face: str, name: str) -> None:
    said, wanted = CASES[name]
    play = Play(tmp_path, face, DEFINITION.encode(), said + AFTER.encode())
    with play.run as router:
        client = Strict(router.port)
        with client.client:
            client.until(lambda element: element.tag == "defTextVector")
            pid = router.driver_pid(Path(sys.executable).name)
            client.client.send(GO)
            heard = {each.get("message") or "".join(one.text or "" for one in each) for each in client.after()}
            assert wanted <= heard
        late = Strict(router.port)
        with late.client:
            if face == "serve":
                (definition,) = late.after()
                assert definition.tag == "defTextVector"
        assert router.driver_pid(Path(sys.executable).name) == pid


@pytest.mark.parametrize("face", FACES)
def test_a_label_that_is_no_xml(tmp_path: Path, face: str) -> None:
    first = (
        "<defSwitchVector device='Mount' name='PARK' label='<Park>' group='R & D' state='Idle' perm='rw' "
        "rule='AtMostOne' timeout='0'><defSwitch name='ON' label='A & B; x'>Off</defSwitch></defSwitchVector>\n"
    )
    then = (
        "<setSwitchVector device='Mount' name='PARK' state='Ok'><oneSwitch name='ON'>On</oneSwitch></setSwitchVector>\n"
    )
    with Play(tmp_path, face, (first + then).encode()).run as router:
        client = Strict(router.port)
        with client.client:
            (found,) = client.until(lambda element: element.tag == "defSwitchVector")[-1:]
            assert (found.get("label"), found.get("group")) == ("<Park>", "R & D")
            assert found[0].get("label") == "A & B; x"
        router.wait_for("Mount.PARK: repaired (ampersand)")
        assert router.log.count("Mount.PARK: repaired (ampersand)") == 1


def test_names_have_one_spelling(tmp_path: Path) -> None:
    first = DEFINITION.replace("Mount", "M\xe9t\xe9o").replace(">old<", ">H\u03b1<").encode()
    with Play(tmp_path, "serve", first, TEXT.format("H\u03b2").replace("Mount", "M\xe9t\xe9o").encode()).run as router:
        client = Client(router.port, "<getProperties version='1.7'/>")
        with client:
            client.take("defTextVector device='M\xe9t\xe9o'.*H\u03b1")
            client.send("<newTextVector device='M\xe9t\xe9o' name='TXT'><oneText name='T'>go</oneText></newTextVector>")
            client.take("setTextVector device='M\xe9t\xe9o'.*H\u03b2")
            with Client(router.port, "<getProperties version='1.7'/>") as late:
                late.take('defTextVector device="M\xe9t\xe9o".*H\u03b2')
                until(lambda: router.driver_pid(Path(sys.executable).name))
                for process in router.descendants():
                    if str(tmp_path / "player.py") in " ".join(process.cmdline()):
                        process.send_signal(signal.SIGKILL)
                for each in (client, late):
                    each.take('<delProperty device="M\xe9t\xe9o"/>')


def test_a_latin_1_driver_hears_its_own_names(tmp_path: Path) -> None:
    first = DEFINITION.replace("Mount", "Cam\xff").replace("name='T'", "name='\xe9'").encode("latin-1")
    play = Play(tmp_path, "serve", first)
    with play.run as router, Client(router.port, "<getProperties version='1.7'/>") as client:
        client.take("defTextVector device='Cam\xff'.*name='\xe9'")
        text = GO.replace("Mount", "Cam\xff").replace("name='T'", "name='\xe9'").replace("go", "H\u03b1\xff")
        client.send(text)
        heard = until(lambda: play.heard.read_bytes() if play.heard.exists() else b"")
        assert b"device='Cam\xff' name='TXT'><oneText name='\xe9'>" + "H\u03b1\xff".encode() + b"<" in heard
        router.wait_for("Cam\xff.TXT: repaired (encoding)")


@pytest.mark.parametrize("face", ["serve", "indiserver"])
@pytest.mark.parametrize("words", [b"[INFO] R & D\n", b"status <OK>\n", b"a <- b\n"])
def test_a_large_image_with_a_library_s_words_in_it_reaches_nobody_and_the_next_does(
    tmp_path: Path, words: bytes, face: str
) -> None:
    """They stand far behind its beginning, where only its relay sees them, in a thread of its own."""
    first = DEFINITION + "<defBLOBVector device='Mount' name='B' state='Idle' perm='ro'><defBLOB name='I'/>"
    first += "</defBLOBVector>\n"
    start = b"<setBLOBVector device='Mount' name='B' state='Ok'><oneBLOB name='I' size='4' format='.fits'>"
    end = b"</oneBLOB></setBLOBVector>\n"
    half = b"QUJD" * (1 << 19)
    said = start + half + words + half + end + start + half + end + AFTER.encode()
    with Play(tmp_path, face, first.encode(), said).run as router:
        pid = router.driver_pid(Path(sys.executable).name)
        client = Strict(router.port)
        with client.client:
            client.until(lambda element: element.tag == "defBLOBVector")
            client.client.send("<enableBLOB device='Mount'>Also</enableBLOB>" + GO)
            images = [element for element in client.after() if element.tag == "setBLOBVector"]
            assert [one.text for each in images for one in each] == [half.decode()]
        router.wait_for("Mount.B: dropped")
        assert router.driver_pid(Path(sys.executable).name) == pid
