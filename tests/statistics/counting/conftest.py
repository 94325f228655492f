"""A toy search that the tests of counting share: `counting_toys`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
