"""What makes a laptop into a cloud: the AWS emulator, Stripe, the tokens' issuer, and the demo."""
