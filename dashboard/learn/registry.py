"""Which devices are there? One line each; the reader, the bundle and the tests go through this table."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.learn.film import SCRUBBER
from dashboard.learn.intrusion import INTRUSION
from dashboard.learn.lab import LAB
from dashboard.learn.losses import LOSS
from dashboard.learn.parts import SUM
from dashboard.learn.plane import TWO
from dashboard.learn.ranks import RANK
from dashboard.learn.rooms import CONE
from dashboard.learn.scale import SCALE
from dashboard.learn.scene import Device
from dashboard.learn.seeds import SEVERAL

DEVICES: Mapping[str, Device] = {
    device.key: device for device in (LAB, SCRUBBER, CONE, SCALE, SUM, RANK, SEVERAL, TWO, LOSS, INTRUSION)
}
