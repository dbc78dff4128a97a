"""Odd values for campaign.toml and its text: what people, tools and accidents put there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Random = np.random.Generator


class Raw(str):
    """Text that stands in TOML as it is."""


ODD_TEXT = (
    "", " ", "offer", "customer", "value", "brand", "A", "mial", "count", "cost", "role", "slots", "día",
    "\u202edlog",
    "\x00", "\x1b[2J", "a\nb", "a\tb", "\U0001f9c3" * 40, "x" * 5000, "../offers.parquet", "/dev/null",
    "nowhere.parquet", "*.parquet", "[", "**", ".", "offers.parquet", "candidates.parquet", "1", "nan",
    "null", "true", "2024-05-01",
    "'; --", "%s%n", "{0}", "hard", "soft", "report", "min", "max", "campaign.toml",
)  # fmt: skip

ODD_RAW = (
    "0", "1", "-1", "3", "2.5", "-0.0", "1e-320", "1e30", "1e31", "1e38", "1e39", "-1e308", "1e308", "1e400",
    "nan", "inf", "-inf", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "4294967296", "2147483648", "9" * 400, "9" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000,
    "true", "false", "2024-05-01", "2024-05-01T10:00:00", "2024-05-01T10:00:00Z", "10:00:00", "0001-01-01",
    "9999-12-31", "[]", "[[]]", "{}", "[1, 'a']", "[1, 2.5]", "['A', 'B']", "['A', ['B']]", "{ min = 1 }",
    "{ min = 2, max = 1 }",
    "{ max = 'x' }", "{ min = 9223372036854775808 }", "{ min = 2024-05-01 }", "{ a = { b = 1 } }", "[{ a = 1 }]",
    "[" * 300 + "]" * 300, "[" * 3000 + "]" * 3000, "{ a = " * 200 + "1" + " }" * 200,
)  # fmt: skip


def odd_value(random: Random) -> Any:
    """Some value that nobody expects, or that is right elsewhere."""
    if random.random() < 0.35:
        return ODD_TEXT[random.integers(len(ODD_TEXT))]
    if random.random() < 0.1:
        return [odd_value(random) for _ in range(random.integers(4))]
    if random.random() < 0.1:
        return {str(odd_key(random)): odd_value(random) for _ in range(random.integers(1, 3))}
    return Raw(ODD_RAW[random.integers(len(ODD_RAW))])


def odd_key(random: Random) -> str:
    """Some key, known or not."""
    known = ("name", "max", "min", "by", "where", "conflicts", "sum", "ratio", "mode", "penalty",
    "customers", "table",
             "offers", "candidates", "history", "transactions", "value", "schema", "brand", "channel", "day", "role",
             "tags", "points", "segment", "age")  # fmt: skip
    if random.random() < 0.8:
        return known[random.integers(len(known))]
    return ODD_TEXT[random.integers(len(ODD_TEXT))]


# ---- campaign.toml as text


def toml(content: Mapping[str, Any]) -> str:
    """A document of these sections; it may well be wrong."""
    lines = [f"{_text(k)} = {_toml_value(v)}" for k, v in content.items() if not _is_section(v)]
    for name, part in content.items():
        if not _is_section(part):
            continue
        head = f"[[{_text(name)}]]" if isinstance(part, list) else f"[{_text(name)}]"
        for table in part if isinstance(part, list) else [part]:
            lines += [head, *(f"{_text(k)} = {_toml_value(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _is_section(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(part, Mapping) for part in value)
    return isinstance(value, Mapping)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_value(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_text(k)} = {_toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return repr(value)


# ---- spoilt bytes


def _flip(data: bytes, random: Random) -> bytes:
    spoilt = np.frombuffer(data, np.uint8).copy()
    for _ in range(random.integers(1, 9)):
        spoilt[random.integers(len(spoilt))] ^= 1 << random.integers(8)
    return spoilt.tobytes()


def _truncate(data: bytes, random: Random) -> bytes:
    return data[: random.integers(len(data))]


def _hole(data: bytes, random: Random) -> bytes:
    start, size = random.integers(len(data)), random.integers(1, 200)
    filling = bytes([random.choice([0, 255, 65])]) * int(size)
    return data[:start] + filling + data[start + size :]


def _repeat(data: bytes, random: Random) -> bytes:
    a, b = sorted(random.integers(len(data), size=2))
    return data[:b] + data[a:]


def _cut_out(data: bytes, random: Random) -> bytes:
    a, b = sorted(random.integers(len(data), size=2))
    return data[:a] + data[min(b, a + 60) :]


def _insert(data: bytes, random: Random) -> bytes:
    place = random.integers(len(data))
    added = random.choice(
        [b"\x00", b"\xff\xfe", b"\n", b"'", b'"', b"[", b"=", b"\r", b"\xef\xbb\xbf", b"a" * 70_000]
    )
    return data[:place] + added + data[place:]


def _in_front(data: bytes, random: Random) -> bytes:
    return (
        bytes(
            random.choice(
                [b"\xef\xbb\xbf", b"\xff\xfe", b"PAR1", b"\x1f\x8b\x08", b"\n\n", b"PK\x03\x04"]
            )
        )
        + data
    )


def _garbage(data: bytes, random: Random) -> bytes:
    return random.bytes(int(random.integers(0, 400)))


SPOILERS: dict[str, Callable[[bytes, Random], bytes]] = {
    "bits flipped": _flip,
    "truncated": _truncate,
    "a hole": _hole,
    "a piece twice": _repeat,
    "a piece missing": _cut_out,
    "something inserted": _insert,
    "something in front": _in_front,
    "garbage": _garbage,
}
"""Ways in which a file is spoilt."""


def spoilt(data: bytes, random: Random) -> tuple[str, bytes]:
    """How a file was spoilt, and what it is now."""
    way = list(SPOILERS)[random.integers(len(SPOILERS))]
    return way, SPOILERS[way](data or b"\n", random)
