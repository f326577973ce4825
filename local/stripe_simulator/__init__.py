"""A Stripe that runs on this machine: same wire format, own clock, faults on demand."""

from local.stripe_simulator.simulator import Simulator

__all__ = ["Simulator"]
