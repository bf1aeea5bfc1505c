"""gearmand with two `gearman -w` workers that run /bin/true for each job, and a
client of its binary protocol. A foreground job lives in memory only."""
import os
import shutil
import socket
import struct
import time

import common

A = common.Arguments()
if not shutil.which("gearmand") or not shutil.which("gearman"):
    common.missing("not installed (gearman-job-server, gearman-tools)")
SUBMIT, CREATED, COMPLETE, FAIL = 7, 8, 13, 14


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def submit(count: int) -> None:
    """Send that many, wait until all are complete."""
    body = b"noop\0\0"
    client.sendall((b"\0REQ" + struct.pack(">II", SUBMIT, len(body)) + body)
                   * count)
    while count:
        _, kind, size = struct.unpack(">4sII", answers.read(12))
        answers.read(size)
        if kind in (COMPLETE, FAIL):
            count -= 1


PORT = free_port()
server = common.start(["gearmand", "-p", str(PORT), "-L", "127.0.0.1",
                       "-l", os.path.join(A.directory, "gearmand.out")],
                      "gearmand", A.directory)
helpers = [server]
try:
    until = time.time() + 5
    while True:
        try:
            client = socket.create_connection(("127.0.0.1", PORT))
            break
        except OSError:
            if time.time() > until:
                common.missing("gearmand did not start")
            time.sleep(0.05)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = client.makefile("rb")
    helpers += [common.start(["gearman", "-w", "-h", "127.0.0.1", "-p",
                              str(PORT), "-f", "noop", "--", "/bin/true"],
                             f"gearman{n}", A.directory) for n in range(2)]
    common.measure(A, lambda: submit(1), submit,
                   "not durable, /bin/true a job, 2 workers")
finally:
    common.stop(helpers)
