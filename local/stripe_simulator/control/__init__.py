"""The control API: what a test decides that Stripe would not let it decide."""

from local.stripe_simulator.control.entrance import Control

__all__ = ["Control"]
