"""The OpenID provider that Keycloak brokers: one issuer per realm and connection.

    discovery.py  /.well-known/openid-configuration and /jwks
    authorize.py  GET|POST /authorize: check, then start a challenge or show the address page
    requests.py   what an authorization request must be, and in which order it is checked
    token.py      POST /token: client, code, PKCE; then the ID token
    assertion.py  private_key_jwt, checked against the realm's keys
    claims.py     what the ID token says
    signing.py    the realm's signing keys, unwrapped
    ports.py      what is needed of a store and of Keycloak

The only client is the realm's broker, `keycloak`; its only redirect URI follows from the settings.
"""

CLIENT_ID = "keycloak"
