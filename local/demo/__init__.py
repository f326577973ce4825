"""Plays the lives of a few bookings against the running local cloud, through HTTP only."""
