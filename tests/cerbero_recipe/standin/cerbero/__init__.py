"""A stand-in for the parts of cerbero's recipe API that dragonfire_mixin.py and dragonfire.recipe use.

Written from what cerbero does, not from its code. ../../contract.py lists the names; a test runs that
list against this stand-in and, where a checkout is given, against cerbero itself.
"""
