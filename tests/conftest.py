"""What holds for every test."""

from __future__ import annotations

import stripe

# As in the functions: the SDK would write an id for its telemetry into the home folder of whoever runs the tests.
stripe.enable_telemetry = False
