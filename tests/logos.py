"""PNG files made from nothing: a logo for tests that needs no picture in the repository."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path


def png(width: int = 120, height: int = 120, colour: str = "#8a1c5c") -> bytes:
    """A disc of one colour on nothing, as any encoder would write it."""
    red, green, blue = bytes.fromhex(colour[1:])
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            is_in = ((2 * x + 1) / width - 1) ** 2 + ((2 * y + 1) / height - 1) ** 2 <= 1
            rows += bytes((red, green, blue, 255 if is_in else 0))
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def logo(folder: Path, name: str = "logo.png", **drawn) -> Path:
    path = folder / name
    path.write_bytes(png(**drawn))
    return path
