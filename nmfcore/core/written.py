"""How are shares and signs written? One spelling, on screen, in files and in sentences: "32.3 %", "−0.50"."""

from __future__ import annotations

MINUS = "−"  # U+2212: as wide as the plus sign; a hyphen is shorter and breaks lines


def percent(share: float, digits: int = 1) -> str:
    """A share as text: 0.962 as "96.2 %".

    share : a part of 1 (no unit);  digits : after the point; with one, a share very near to 1 keeps those that tell it from 1
    """
    value = 100.0 * share
    if digits == 1 and 99.95 <= value < 100.0:
        return f"{min(value, 99.999):.3f} %"
    return f"{value:.{digits}f} %".replace("-", MINUS)


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign: "+0.5", "−0.5"."""
    return f"{value:+.{digits}f}".replace("-", MINUS)
