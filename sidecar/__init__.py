"""Passwordless login for Keycloak: the sidecar that the realm brokers as an OpenID provider.

Read `sidecar/login/` first: it is the main flow. `app.py` wires everything together.
"""
