"""The local cloud: starts it, deploys the real template into it, and takes it down again without a trace."""
