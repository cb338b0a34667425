"""Which tests there are, and where their modules are found."""

import os
import sys
from pathlib import Path

# Against a checkout of cerbero, where one is named: there is none in CI.
if not os.environ.get('CERBERO_CHECKOUT'):
    collect_ignore = ['test_real_cerbero.py', 'test_real_recipes.py']

sys.path.insert(0, str(Path(__file__).parent))
