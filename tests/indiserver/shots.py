"""A camera that passes its images as descriptors, as libindi's drivers do: COUNT of SIZE bytes when it is told to.

Each image is its number, over and over; numbers go on from one GO to the next, FORMAT is the format of a number.
UNPACKED: what `size` says. The image of number BARE comes without its descriptor.
It is a program of its own and imports nothing of ours.
"""

import os
import socket

COUNT, SIZE = int(os.environ["COUNT"]), int(os.environ["SIZE"])
UNPACKED = int(os.environ.get("UNPACKED", SIZE))
BARE = int(os.environ.get("BARE", 0))
FORMAT = os.environ.get("FORMAT", ".{}")
DEFINITION = (
    b"<defBLOBVector device='Shots' name='SHOT' state='Idle' perm='ro'><defBLOB name='SHOT'/></defBLOBVector>\n"
    b"<defTextVector device='Shots' name='GO' state='Idle' perm='rw'><defText name='GO'/></defTextVector>\n"
)
BLOB = (
    "<setBLOBVector device='Shots' name='SHOT' state='Ok'>"
    "<oneBLOB name='SHOT' size='{2}' len='{0}' format='{1}' attached='true'></oneBLOB></setBLOBVector>\n"
)


def shoot(out: socket.socket, number: int) -> None:
    """Send one image."""
    fd = os.memfd_create("shot")
    os.pwrite(fd, bytes([number]) * SIZE, 0)
    data = BLOB.format(SIZE, FORMAT.format(number), UNPACKED).encode()
    sent = 0 if number == BARE else socket.send_fds(out, [data], [fd])
    out.sendall(data[sent:])
    os.close(fd)


def main() -> None:
    """Run until the server hangs up."""
    out = socket.socket(fileno=os.dup(1))
    data, shot = b"", 0
    while more := os.read(0, 65536):
        data += more
        if b"<getProperties" in data:
            out.sendall(DEFINITION)
            data = data.replace(b"<getProperties", b"")
        if b"</newTextVector>" in data:
            data = b""
            for _ in range(COUNT):
                shot += 1
                shoot(out, shot)
            out.sendall(b"<setTextVector device='Shots' name='GO' state='Ok'/>\n")


if __name__ == "__main__":
    main()
