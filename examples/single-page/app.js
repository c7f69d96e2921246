// A single-page application that asks for address and code itself, and ends with Keycloak's tokens.
// settings.json: `url` of the sidecar, `keycloak`, `realm`, `clientId`.
const settings = await (await fetch("settings.json")).json();
const login = document.querySelector("passwordless-login");
const session = document.getElementById("session");
const kept = JSON.parse(sessionStorage.getItem("session") ?? "null");

for (const [name, value] of Object.entries({
  url: settings.url,
  keycloak: settings.keycloak,
  realm: settings.realm,
  "client-id": settings.clientId,
  scope: "openid email phone",
  locale: new URLSearchParams(location.search).get("lang") ?? document.documentElement.lang,
})) {
  login.setAttribute(name, value);
}

function show({ claims }) {
  document.getElementById("who").textContent = claims.email ?? claims.phone_number ?? claims.preferred_username;
  document.getElementById("claims").textContent = JSON.stringify(claims, null, 2);
  session.hidden = false;
}

login.addEventListener("passwordless-signed-in", (event) => {
  const { claims, idToken, isEarlier } = event.detail;
  if (isEarlier) return; // Another session won: the component says whose it is, and offers to sign out of it.
  sessionStorage.setItem("session", JSON.stringify({ claims, idToken }));
  login.hidden = true;
  show({ claims });
});
login.addEventListener("passwordless-step", (event) => {
  if (!login.hidden && event.detail.step !== "done") session.hidden = true;
});
document.getElementById("sign-out").addEventListener("click", () => {
  const { idToken } = JSON.parse(sessionStorage.getItem("session"));
  sessionStorage.removeItem("session");
  login.signOut(idToken);
});

if (kept) {
  login.hidden = true;
  show(kept);
}
await import(`${settings.url}/sdk/passwordless-login.js`);
