"""Print the README's start or test command: the first two one-line shell blocks, so that CI runs what a newcomer runs."""

import re
import sys
from pathlib import Path

text = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", text, re.M | re.S)
commands = [block.strip() for block in blocks if len(block.strip().splitlines()) == 1]
print(commands[{"start": 0, "tests": 1}[sys.argv[1]]])
