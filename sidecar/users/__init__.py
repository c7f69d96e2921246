"""What an operator, or the account's page, does with users that Keycloak has already.

    module      is
    ----------  ---------------------------------------------------------------------------------------
    linking.py  link many users with a connection, by an address that was verified before
    undoing.py  take out what that made, where nobody used it
    merging.py  make one profile of two
    ports.py    what they need of Keycloak and of the store

Each write is one that can be repeated, in an order that leaves nothing wrong wherever it is cut off; so a second run
goes on where the first one ended.
"""
