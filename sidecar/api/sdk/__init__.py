"""The endpoints that existing passwordless SDKs speak, at the root of our host (docs/api.md).

Tokens are Keycloak's own: a right code buys a ticket, and a ticket the login that a browser would walk.

    module           is
    ---------------  ------------------------------------------------------------------------
    face.py          all endpoints of a host, put together
    desk.py          what they share: the realm, who calls, which connection and address
    fields.py        what came in the body or the query
    errors.py        what is answered where something is refused
    start.py         `/passwordless/start`
    codes.py         a code that an SDK brings is tried
    token.py         `/oauth/token`, `/userinfo`
    cross_origin.py  `/co/authenticate`: a code for a login ticket, from a page
    authorize.py     `/authorize`: on to Keycloak
    verify.py        `/passwordless/verify`: a code is checked, and kept for its browser
    verify_redirect.py  `/passwordless/verify_redirect`: the browser that comes for it
    logout.py        `/v2/logout`, `/oidc/logout`
    discovery.py     `/.well-known/openid-configuration`, `/.well-known/jwks.json`
"""
