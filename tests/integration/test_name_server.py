"""A router whose name server does not answer."""

from __future__ import annotations

import sys
from pathlib import Path

from live import Router, until
from ports import free_port

NAMESPACE = ("unshare", "-rmn", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"')
SILENT = """\
import fcntl, os, socket, struct, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(sock, 0x8914, struct.pack("16sh22x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
sock.bind(("127.0.0.1", 53))
sock.set_inheritable(True)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Becomes a command beside which there is a name server that reads no question."""


def asked(pid: int) -> bool:
    """Says whether a question waits for the name server (proc(5), net/udp: the bytes behind the second colon)."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]]
    return any(row[1].endswith(":0035") and int(row[4].partition(":")[2], 16) for row in rows)


def test_it_is_ended_whatever_its_links_wait_for(tmp_path: Path) -> None:
    """Each of these names takes 30 s to fail."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    (tmp_path / "silent.py").write_text(SILENT)
    before = (*NAMESPACE, str(tmp_path / "resolv.conf"), sys.executable, str(tmp_path / "silent.py"))
    port = free_port()
    remotes = [word for number in range(12) for word in ("--remote", f"far{number}.example")]
    words = ["serve", "--port", str(port), "--http", "off", "--socket", "off", *remotes]
    router = Router(tmp_path / "log", words, port, before=before)
    try:
        router.wait_for("listening on")
        until(lambda: asked(router.process.pid), what="a name is looked up")
        assert router.stop() == 0
    finally:
        router.process.kill()
        router.process.wait()
