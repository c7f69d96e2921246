// A single-page application that asks for address and code itself, and ends with Keycloak's tokens.
import { Passwordless } from "./passwordless.js";

const settings = await (await fetch("settings.json")).json();
const { keycloak, realm, clientId } = settings;
const login = new Passwordless(settings);
const oidc = `${keycloak}/realms/${realm}/protocol/openid-connect`;
const here = location.origin + location.pathname;
const show = (id) => ["address-step", "code-step", "done-step"].forEach((it) => (document.getElementById(it).hidden = it !== id));
const say = (text) => (document.getElementById("message").textContent = text);
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const claimsOf = (token) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (it) => it.charCodeAt(0))));

let challenge;

document.getElementById("address-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const address = document.getElementById("address").value.trim();
  await trying(async () => {
    challenge = await login.start(address.includes("@") ? "email" : "sms", address);
    document.getElementById("sent-to").textContent = challenge.masked_address;
    show("code-step");
    say("");
    document.getElementById("code").focus();
  });
});

document.getElementById("code-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await trying(async () => {
    const ticket = await login.verify(challenge.id, document.getElementById("code").value);
    const [state, nonce, verifier] = [random(), random(), random()];
    sessionStorage.setItem("login", JSON.stringify({ state, nonce, verifier }));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
    login.signIn(ticket, {
      redirect_uri: here, response_type: "code", scope: "openid email", state, nonce,
      code_challenge: base64url(digest), code_challenge_method: "S256",
    });
  });
});

document.getElementById("resend").addEventListener("click", () => trying(async () => {
  challenge = await login.resend(challenge.id);
  say("Sent again.");
}));

document.getElementById("sign-out").addEventListener("click", () => {
  const { token } = JSON.parse(sessionStorage.getItem("session") ?? "{}");
  sessionStorage.clear();
  location.assign(`${oidc}/logout?${new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: here })}`);
});

/** Come back from Keycloak: the authorization code becomes tokens, if it answers this page's own request. */
async function finish(answer) {
  const asked = JSON.parse(sessionStorage.getItem("login") ?? "null");
  sessionStorage.removeItem("login");
  history.replaceState(null, "", here);
  if (!asked || answer.get("state") !== asked.state || !answer.get("code")) {
    return say("The sign-in did not come to its end. Please try again.");
  }
  const response = await fetch(`${oidc}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: answer.get("code"), client_id: clientId,
      redirect_uri: here, code_verifier: asked.verifier,
    }),
  });
  const tokens = await response.json();
  if (!response.ok || claimsOf(tokens.id_token).nonce !== asked.nonce) {
    return say("The sign-in did not come to its end. Please try again.");
  }
  sessionStorage.setItem("session", JSON.stringify({ token: tokens.id_token }));
  signedIn(tokens.id_token);
}

function signedIn(token) {
  const claims = claimsOf(token);
  document.getElementById("who").textContent = claims.email ?? claims.preferred_username;
  document.getElementById("claims").textContent = JSON.stringify(claims, null, 2);
  show("done-step");
}

async function trying(act) {
  const buttons = document.querySelectorAll("button");
  buttons.forEach((it) => (it.disabled = true));
  say("");
  try {
    await act();
  } catch (error) {
    say(error.retryAfter ? `${error.message} (${error.retryAfter} s)` : error.message);
  } finally {
    buttons.forEach((it) => (it.disabled = false));
  }
}

const answer = new URLSearchParams(location.search);
const session = JSON.parse(sessionStorage.getItem("session") ?? "null");
if (answer.has("state")) await finish(answer);
else if (session) signedIn(session.token);
document.body.dataset.ready = "true";
