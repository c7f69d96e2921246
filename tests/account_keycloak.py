"""Keycloak's side of an account, in memory: what the account page asks of it, and what it was told."""

# ruff: noqa: ARG002

from __future__ import annotations

from dataclasses import replace

from sidecar.model.own_account import Account, SignedIn


class Users:
    """`login.ports.Accounts`; `known` by id, `signed_out` in turn."""

    def __init__(self) -> None:
        self.known: dict[str, Account] = {}
        self.signed_out: list[str] = []

    def account(self, realm: str, user_id: str) -> Account | None:
        return self.known.get(user_id)

    def link(self, realm: str, user_id: str, connection: str, subject_id: str) -> None:
        it = self.known[user_id]
        assert connection not in it.subjects
        self.known[user_id] = replace(it, subjects={**it.subjects, connection: subject_id})

    def set_email(self, realm: str, user_id: str, email: str) -> None:
        self.known[user_id] = replace(self.known[user_id], email=email)

    def set_number(self, realm: str, user_id: str, number: str) -> None:
        self.known[user_id] = replace(self.known[user_id], number=number)

    def sign_out(self, realm: str, user_id: str) -> None:
        self.signed_out.append(user_id)


class Keycloak:
    """`login.ports.SignIn`: lets in whoever `user` names, `age_s` after their proof."""

    def __init__(self) -> None:
        self.user = ""
        self.age_s = 0
        self.asked: dict[str, object] = {}

    def begin(self, realm: str, *, state: str, nonce: str, code_verifier: str, max_age_s: int | None) -> str:
        self.asked = {"state": state, "nonce": nonce, "verifier": code_verifier, "max_age_s": max_age_s}
        return f"https://id.example.org/realms/{realm}/auth?state={state}"

    def finish(self, realm: str, *, code: str, nonce: str, code_verifier: str) -> SignedIn:
        assert (nonce, code_verifier) == (self.asked["nonce"], self.asked["verifier"])
        return SignedIn(account=self.user, auth_age_s=self.age_s)

    def sign_out_url(self, realm: str) -> str:
        return f"https://id.example.org/realms/{realm}/logout"
