"""The use cases, one function each: they read, ask the pure modules what follows, and write or begin an operation."""

from holdfast.desk.desk import Desk

__all__ = ["Desk"]
