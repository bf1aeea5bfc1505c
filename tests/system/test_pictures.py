"""The picture of a result is in the answer's content, where a model sees it."""

from __future__ import annotations

import base64
import struct
import zlib

from service import Http

PNG = '''
import struct, zlib, os
def png(width, height, row):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(b"\\0" + row() for _ in range(height)))) + chunk(b"IEND", b""))
'''


def images(answer) -> list[dict]:
    return [block for block in answer.content if block["type"] == "image"]


def test_the_named_picture_is_shown_and_linked(client: Http) -> None:
    answer = client.run(PNG + "job.artifact('red.png', png(4, 2, lambda: b'\\xff\\0\\0' * 4))\n"
                        "_result_ = {'image': 'red.png'}")
    (image,) = images(answer)
    data = base64.b64decode(image["data"])
    assert image["mimeType"] == "image/png" and data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (4, 2)
    at = data.index(b"IDAT")
    raw = zlib.decompress(data[at + 4:at + 4 + struct.unpack(">I", data[at - 4:at])[0]])
    assert raw == (b"\0" + b"\xff\0\0" * 4) * 2
    links = [block["name"] for block in answer.content if block["type"] == "resource_link"]
    assert links == ["red.png"]


def test_a_picture_above_a_mebibyte_stays_a_link(client: Http) -> None:
    answer = client.run(PNG + "job.artifact('big.png', png(800, 600, lambda: os.urandom(2400)))\n"
                        "_result_ = {'image': 'big.png'}")
    assert not images(answer) and "more than 1 MiB" in answer.text and "/big.png" in answer.text


def test_other_files_are_no_pictures(client: Http) -> None:
    for name, value in (("a.step", "a.step"), ("a.png", "b.png"), ("a.png", 5)):
        answer = client.run(f"job.artifact({name!r}, b'not there')\n_result_ = {{'image': {value!r}}}")
        assert answer["state"] == "completed" and not images(answer)
