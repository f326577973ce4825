"""What holds for every test."""

from __future__ import annotations

import stripe
from hypothesis import settings

# As in the functions: the SDK would write an id for its telemetry into the home folder of whoever runs the tests.
stripe.enable_telemetry = False

# How long an example may take says how busy the machine is, and nothing about the code.
settings.register_profile("unhurried", deadline=None)
# Mutation testing (`make mutants`) wants the same examples each time, and not too many.
settings.register_profile("mutants", deadline=None, derandomize=True, database=None, max_examples=30)
settings.load_profile("unhurried")
