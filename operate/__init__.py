"""Commands for whoever runs a deployment: checks and repairs that no function does by itself."""
