"""What Stripe's API can do, one module per kind of object or step of its life."""
