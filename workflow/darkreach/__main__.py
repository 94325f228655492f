import sys

from darkreach.cli import main

sys.exit(main())
