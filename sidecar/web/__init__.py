"""The pages that a person sees between Keycloak's login page and the application.

pages.py    what every page is rendered with: words, names, static files
start.py    the address: asked for on a page of its own, or taken from Keycloak's login page
code.py     the code: typed, sent again, given up
failures.py errors as kind pages; which error has which status
"""
