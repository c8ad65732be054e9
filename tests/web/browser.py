"""Headless Chromium, driven by its own DevTools protocol: one tab that is clicked, typed into, and looked at."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

from live import until
from waiting import DEADLINE

PICTURES = Path(os.environ.get("INDITREE_PICTURES", ".cache/pictures"))
"""Where pictures of the page are kept for people to look at."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)

KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "Tab": ("", 9), "ArrowDown": ("", 40), "ArrowUp": ("", 38)}
KEYS |= {"ArrowRight": ("", 39), "ArrowLeft": ("", 37), " ": (" ", 32)}


class BrowserError(AssertionError):
    """The page has thrown, or there is no such element."""


class Tab:
    """One tab. Selectors are CSS. `errors` are what the page has thrown or the console called an error.

    `sessions` are those of its workers, once `Target.setAutoAttach` was called.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.errors: list[str] = []
        self.sessions: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol, of the tab or a session; its result."""
        self._number += 1
        said: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(said | ({"sessionId": session} if session else {})))
        while True:
            message = json.loads(self._socket.recv(timeout=DEADLINE))
            if message.get("id") == self._number:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif message.get("method") == "Target.attachedToTarget":
            self.sessions.append(message["params"]["sessionId"])
        elif message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            entry = message["params"]["entry"]
            self.errors.append(f"{entry['text']} {entry.get('url', '')}")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return found["result"].get("value")

    def go(self, url: str) -> None:
        """Load a page."""
        self.call("Page.navigate", url=url)
        self.wait(lambda: self.run("document.readyState") == "complete", f"{url} loads")

    def size(self, width: int, height: int, mobile: bool = False, scale: float = 1) -> None:
        """The size of the window, in its own pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    def wait(self, condition: Callable[[], Any], what: str = "", timeout: float = DEADLINE) -> Any:
        """Wait until a condition holds; what it then is."""

        def tried() -> Any:
            try:
                return condition()
            except BrowserError:
                return None

        return until(tried, timeout, what)

    def see(self, selector: str, text: str | None = None, timeout: float = DEADLINE) -> None:
        """Wait for an element that is shown, and where it is given for a text in it."""
        wanted = json.dumps([selector, text])
        script = (
            f"(([s, t]) => [...document.querySelectorAll(s)].some((n) => n.checkVisibility() && "
            f"(t === null || n.textContent.includes(t) || (n.value ?? '').includes?.(t))))({wanted})"
        )
        try:
            self.wait(lambda: self.run(script), timeout=timeout)
        except AssertionError:
            shown = self.run(
                f"[...document.querySelectorAll({json.dumps(selector)})].map((n) => n.textContent + n.value)"
            )
            raise BrowserError(f"{selector} does not show {text!r} but {shown}, {self.errors}") from None

    def text(self, selector: str) -> str:
        """The text of the first such element."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).textContent"))

    def click(self, selector: str, text: str | None = None) -> None:
        """Click in the middle of the first such element (with this text), as a mouse does, where it stands still.

        A device's cards move while its properties are still coming.
        """
        before: list[Any] = [None]

        def still() -> Any:
            found = self._middle(selector, text)
            moved, before[0] = found != before[0], found
            return None if moved else found

        x, y = self.wait(still, f"{selector} {text or ''} is there and stands still")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def point(self, selector: str) -> None:
        """Move the mouse to the middle of an element."""
        x, y = self.wait(lambda: self._middle(selector, None), f"{selector} is there")
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def wheel(self, selector: str, up: float) -> None:
        """Turn the mouse's wheel over an element."""
        x, y = self._middle(selector, None)
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-up)

    def _middle(self, selector: str, text: str | None) -> Any:
        wanted = json.dumps([selector, text])
        return self.run(
            f"(([s, t]) => {{ const n = [...document.querySelectorAll(s)].find((n) => n.checkVisibility() && "
            "(t === null || n.textContent.trim() === t)); if (!n) return null; n.scrollIntoView({block: 'center'}); "
            f"const b = n.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})({wanted})"
        )

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press and release a key."""
        typed, code = KEYS.get(key, (key, 0))
        for kind in ("keyDown", "keyUp"):
            more = {"text": typed} if typed and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def fill(self, selector: str, text: str) -> None:
        """Click into a field, and type in the place of what is there."""
        self.click(selector)
        self.run("document.activeElement.select()")
        self.type(text)

    def picture(self, name: str) -> Path:
        """Take a picture of the page; where it is kept."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        path = PICTURES / f"{name}.png"
        path.write_bytes(data)
        return path


def find_chromium() -> str:
    """The browser; `make debs` installs it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise AssertionError("chromium is missing: make debs")


@contextlib.contextmanager
def chromium(folder: Path, *flags: str) -> Iterator[Tab]:
    """A browser of its own with one tab, ended at the end."""
    log = (folder / "chromium.log").open("wb")
    process = subprocess.Popen(
        [find_chromium(), *FLAGS, *flags, f"--user-data-dir={folder}/profile", "about:blank"],
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        port_file = folder / "profile" / "DevToolsActivePort"
        until(lambda: port_file.is_file() and port_file.read_text().strip(), what="Chromium starts")
        port = port_file.read_text().splitlines()[0]
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=DEADLINE) as answer:
            target = next(each for each in json.load(answer) if each["type"] == "page")
        with connect(target["webSocketDebuggerUrl"], max_size=None, compression=None) as socket:
            yield Tab(socket)
    finally:
        log.close()
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    time.sleep(0)
