"""Makes the helpers of test_views.py importable by the other page tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
