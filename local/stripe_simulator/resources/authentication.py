"""3-D Secure: when the cardholder is asked, and what the answer does."""

from __future__ import annotations

from local.stripe_simulator import cards
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World


def is_needed(card: cards.Card, method: Body, *, off_session: bool) -> bool:
    if card.authentication == "never":
        return False
    if not off_session or card.authentication == "always":
        return True
    # Merchant-initiated: a card that was set up, or came set up, is not asked about again.
    return card.authentication == "until_set_up" and not method["_set_up"]


def is_needed_for_setup(card: cards.Card) -> bool:
    return card.authentication in {"until_set_up", "always"}


def next_action(world: World, intent: Body, return_url: str | None) -> Body:
    token = world.identifiers.token(24)
    if return_url is not None:
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {
                "return_url": return_url,
                "url": f"https://hooks.stripe.com/3d_secure_2/hosted/{token}",
            },
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "type": "three_d_secure_redirect",
            "stripe_js": f"https://hooks.stripe.com/redirect/authenticate/src_{token}?client_secret="
            f"src_client_secret_{world.identifiers.token(24)}",
            "source": f"src_{token}",
        },
    }
