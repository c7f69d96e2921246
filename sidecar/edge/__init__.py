"""What every face needs to know of an HTTP request before it acts on it.

browser.py     the cookie that says which browser this is
hosts.py       which host names are answered
mounting.py    under which path it answers
network.py     which network it comes from, behind how many proxies
navigation.py  whether a person navigated here, and whether a form is our own
forms.py       a form's fields, each once
seal.py        an authorization request on its way through a page, bound to its browser
headers.py     what every answer carries
access_log.py  one line an answer, without anything secret
"""
