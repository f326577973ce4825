"""Signs tokens as Privy does for customers and as a company's OIDC issuer does for staff, and wrong ones for tests."""
