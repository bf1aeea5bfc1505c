"""beanstalkd with a binlog synced at each write (-b -f0): put, reserve, delete
over two connections. The queue alone: no job process, no result."""
import os
import shutil
import socket
import time

import common

A = common.Arguments()
if not shutil.which("beanstalkd"):
    common.missing("not installed (beanstalkd)")
PATH = os.path.join(A.directory, "bean.sock")


class Connection:
    """A line-by-line client."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(PATH)
        self.file = self.sock.makefile("rb")

    def send(self, text: bytes) -> None:
        """Send without waiting."""
        self.sock.sendall(text)

    def line(self) -> bytes:
        """Next answer line."""
        return self.file.readline()


def take(consumer: Connection) -> None:
    """Reserve a job, read it, delete it."""
    consumer.send(b"reserve\r\n")
    job = consumer.line().split()
    consumer.file.read(int(job[2]) + 2)
    consumer.send(b"delete " + job[1] + b"\r\n")
    consumer.line()


PUT = b"put 0 0 60 4\r\nnoop\r\n"
server = common.start(["beanstalkd", "-l", "unix:" + PATH, "-b", A.directory,
                       "-f", "0"], "beanstalkd", A.directory)
try:
    until = time.time() + 5
    while not os.path.exists(PATH) and time.time() < until:
        time.sleep(0.02)
    if not os.path.exists(PATH):
        common.missing("beanstalkd did not start")
    producer, consumer = Connection(), Connection()

    def one() -> None:
        """One job through the queue."""
        producer.send(PUT)
        producer.line()
        take(consumer)

    def many(count: int) -> None:
        """Fill in batches of 100, then empty."""
        for _ in range(count // 100):
            producer.send(PUT * 100)
            for _ in range(100):
                producer.line()
            for _ in range(100):
                take(consumer)

    common.measure(A, one, many, "queue alone, no process, no result")
finally:
    common.stop([server])
