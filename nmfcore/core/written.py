"""How are shares and signs written? One spelling, on screen, in files and in sentences: "32.3 %", "−0.50"."""

from __future__ import annotations

ROUNDING = 1e-6  # of a cosine of float32 rows
MINUS = "−"  # U+2212: as wide as the plus sign; a hyphen is shorter and breaks lines


def percent(share: float, digits: int = 1) -> str:
    """A share as text: 0.962 as "96.2 %".

    share : a part of 1 (no unit);  digits : after the point; with one, a share very near to 1 keeps those that tell it from 1
    """
    value = 100.0 * share
    if digits == 1 and 99.95 <= value < 100.0:
        return f"{min(value, 99.999):.3f} %"
    return f"{value:.{digits}f} %".replace("-", MINUS)


def as_cosine(value: float) -> str:
    """A cosine of two non-negative rows as text: "0.97"; "over 0.99" where two digits would say 1 and it is not.

    value : from 0 to 1 (no unit)
    """
    return "over 0.99" if 0.995 <= value < 1 - ROUNDING else f"{value:.2f}"


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign: "+0.5", "−0.5"."""
    return f"{value:+.{digits}f}".replace("-", MINUS)
