"""THE MAIN FLOW: from an address to a proof. Read this first.

A browser asks (`issue`), a message goes out (the outbox's worker, `sidecar/delivery`), the code is typed
(`verify`), and an authorization code for Keycloak comes of it. Everything that decides is one guarded statement
in the store behind the ports of `ports.py`; this package holds the order of the steps and the rules.

    state      how it gets there                       what leaves it
    ---------  --------------------------------------  ---------------------------------------------------
    open       issue: budgets counted, row and message  verify right → used; 5 tries → dead; time → expired;
               in one transaction                       the same browser asks anew → retired
    open       resend: the same code, the same expiry   as above
    suppressed issue: sign-up off, or muted; denied;     as open, for its browser; but nothing is sent, and no
               a success in another browser             code is right
    used       verify: spent by one UPDATE that finds    nothing: a second try is refused like a wrong one
               it unused and in time, together with
               the authorization code
    dead,      counted before compared, database clock  nothing; `resend` opens a fresh challenge for the
    expired,                                            same browser and the same request
    retired

    module      is
    ----------  ---------------------------------------------------------------------------------------
    issue.py    start a challenge for a browser
    resend.py   ask for the message again
    verify.py   try a code; right: the authorization code that goes to Keycloak
    linking.py  see whose account a proven address opens, and make it ready, where a connection links by itself
    tickets.py  a right code of the API buys a ticket, and a ticket an authorization code
    reserve.py  a right code of an SDK is kept until its browser comes for it
    links.py    open the link of a message; confirm it, in the browser that asked
    not_me.py   end a start that the address's owner did not ask for, and silence strangers
    redeem.py   spend that authorization code, for the token endpoint
    codes.py    derive the code from seed and server key; nothing stored gives it
    mailed.py   derive the tokens of the links in a message
    keys.py     the server's secret keys: newest makes, all accept
    limits.py   the budgets: what is counted, over which window, for whom
    pumping.py  the same for what text messages cost
    ports.py    what the flow needs of a store
    room.py     what every step is handed
"""
