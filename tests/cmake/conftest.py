"""Which tests there are."""

import os

# Against a checkout of Corrosion, where one is named: there is none in CI.
if not os.environ.get('CORROSION_CHECKOUT'):
    collect_ignore = ['test_real_corrosion.py']
