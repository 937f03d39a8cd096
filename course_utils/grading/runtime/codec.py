"""Values across the wall: plain data, tensors, arrays and stock modules; everything else stays on its own side.

A frame is a length, a JSON tree and the raw buffers that the tree refers to. Each node of the tree is a list
that begins with its kind. The decoder knows these kinds and refuses all others, so nothing that one side
sends can choose what code runs on the other. What is no data (a function, an object of the student's own)
crosses as a number that only the sending side can turn back into the object.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

from .decoder import Decoder
from .encoder import Encoder
from .kinds import MAX_FRAME, MAX_TREE, CodecError, Handles
from .text import one_line


def encode(value: Any, handles: Handles | None = None) -> bytes:
    """The frame of a value. What is no data is kept with `handles`; without them that raises CodecError."""
    buffers: list[bytes] = []
    tree = json.dumps(Encoder(buffers, handles).node(value, 0)).encode()
    head = struct.pack("<II", len(tree), len(buffers)) + b"".join(struct.pack("<Q", len(b)) for b in buffers)
    frame = head + tree + b"".join(buffers)
    if len(frame) > MAX_FRAME or len(tree) > MAX_TREE:
        raise CodecError(f"a value of {len(frame) / 2**20:.0f} MiB is too large; the limit is {MAX_FRAME >> 20} MiB.")
    return frame


def decode(frame: bytes, handles: Handles | None = None) -> Any:
    """The value of a frame.

    Raises
    ------
    CodecError
        `encode` could not have made this frame.
    """
    try:
        return Decoder(frame, handles).value()
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(f"not a frame: {one_line(f'{type(error).__name__}: {error}', 200)}") from None


def send(channel: socket.socket, frame: bytes) -> None:
    channel.sendall(struct.pack("<Q", len(frame)) + frame)


def receive(channel: socket.socket, ends: float | None = None) -> bytes:
    """The next frame, whole before the time `ends` (of time.monotonic).

    Raises
    ------
    EOFError
        The other side is gone.
    TimeoutError
        The frame was not there in time, or, without `ends`, by the channel's own timeout.
    """
    (length,) = struct.unpack("<Q", _exactly(channel, 8, ends))
    if length > MAX_FRAME:
        raise CodecError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}.")
    return _exactly(channel, length, ends)


def _exactly(channel: socket.socket, count: int, ends: float | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        if ends is not None:  # for the frame as a whole: bytes that drip in do not prolong it
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("the frame was not there in time")
            channel.settimeout(left)
        part = channel.recv(min(count - len(data), 1 << 20))
        if not part:
            raise EOFError("the other side is gone")
        data += part
    return bytes(data)
