"""Who somebody is in this room. Pure."""

from radcommons.server.platform.policy import Actor

# No account has this number.
NOBODY = 0


def account_of(actor: Actor) -> int:
    """The number of an actor's account; of the house itself, or a visitor, one that no account has."""
    return actor.user_id or NOBODY
