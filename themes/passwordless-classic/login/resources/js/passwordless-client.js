// From an address to a session over the sidecar's REST API (docs/api.md), for any page. No dependencies.

/** What the API refused. `code` is stable (docs/errors.md), `status` is HTTP's, 0 where nothing answered. */
export class PasswordlessError extends Error {
  /** @param {Record<string, unknown>} problem @param {number} status @param {number} [retryAfter] */
  constructor(problem, status, retryAfter) {
    super(String(problem.detail ?? "The request failed."));
    this.name = "PasswordlessError";
    this.code = String(problem.title ?? "unavailable");
    this.status = status;
    /** Seconds to wait, where the API says so. */
    this.retryAfter = retryAfter;
    /** Tries that are left of a code, where one was refused. */
    this.triesLeft = /** @type {number | undefined} */ (problem.tries_left);
  }
}

/**
 * @typedef {{id: string, connection: string, masked_address: string, method: string, digits: number, status: string,
 *   open: boolean, verified: boolean, tries_left: number, expires_in_s: number, resend_in_s: number}} Challenge
 * @typedef {{url: string, realm: string, clientId: string, keycloak?: string, login?: string}} Options
 *   `url`: the sidecar's public URL; `keycloak`: Keycloak's, for `begin`, `finish` and `signOut`; `login`: on Keycloak's
 *   own login page only, its name of the login under way (`tab_id`).
 * @typedef {{claims: Record<string, unknown>, idToken: string, accessToken: string, refreshToken?: string,
 *   isEarlier: boolean}} SignedIn `isEarlier`: the browser was signed in at Keycloak before this login began, perhaps as
 *   somebody else, and that session won.
 * @typedef {{redirectUri: string, scope?: string, parameters?: Record<string, string>}} Wanted
 */

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** The claims of a JWT that came from Keycloak's own token endpoint over TLS (OpenID Connect Core §3.1.3.7). */
function claimsOf(token) {
  const text = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (it) => it.charCodeAt(0))));
}

export class Passwordless {
  #options;
  #base;
  #key;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#base = `${options.url}/api/v1/realms/${encodeURIComponent(options.realm)}`;
    this.#key = `passwordless ${options.realm} ${options.clientId}`;
  }

  /**
   * Send a code, or what the connection sends otherwise: a link shows the code to type.
   * @param {string} connection @param {string} address @param {string} [method] `code` for that or nothing.
   * @returns {Promise<Challenge>}
   */
  start(connection, address, locale = "", method = "") {
    return this.#call("POST", "/challenges", { connection, address, locale, ...(method ? { method } : {}) });
  }

  /** How it stands. @param {string} id @returns {Promise<Challenge>} */
  status(id) {
    return this.#call("GET", `/challenges/${encodeURIComponent(id)}`);
  }

  /** Send the code again. @param {string} id @returns {Promise<Challenge>} another one, if the old one is nearly over. */
  resend(id) {
    return this.#call("POST", `/challenges/${encodeURIComponent(id)}/resend`, {});
  }

  /** Try a code. @param {string} id @param {string} code @returns {Promise<string>} a ticket: once, for a minute. */
  async verify(id, code) {
    return (await this.#call("POST", `/challenges/${encodeURIComponent(id)}/verify`, { code })).ticket;
  }

  /**
   * Leave for Keycloak, which signs in by the ticket and comes back to the application.
   * @param {string} ticket
   * @param {Record<string, string>} request what the application asks of Keycloak: redirect_uri, response_type, scope,
   *   state, nonce, code_challenge, code_challenge_method, …
   */
  signIn(ticket, request) {
    const form = document.createElement("form");
    form.method = "post";
    form.action = `${this.#base}/tickets/continue`;
    for (const [name, value] of Object.entries({ client_id: this.#options.clientId, ticket, ...request })) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
  }

  /**
   * The same with state, nonce and PKCE, which are kept for `finish` in this tab.
   * @param {string} ticket @param {Wanted} wanted
   * @param {number} [startedAt] when the code was asked for (`Date.now()`).
   */
  async begin(ticket, { redirectUri, scope = "openid", parameters = {} }, startedAt = Date.now()) {
    const [state, nonce, verifier] = [random(), random(), random()];
    const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
    const kept = { state, nonce, verifier, redirectUri, startedAt, provenAt: Date.now() };
    sessionStorage.setItem(this.#key, JSON.stringify(kept));
    this.signIn(ticket, {
      ...parameters, redirect_uri: redirectUri, response_type: "code", scope, state, nonce,
      code_challenge: challenge, code_challenge_method: "S256",
    });
  }

  /**
   * Come back from Keycloak: the authorization code in the page's address becomes tokens.
   * @returns {Promise<SignedIn | null>} `null` if the page's address holds no answer to a `begin` of this tab.
   */
  async finish() {
    const answer = new URLSearchParams(location.search);
    const asked = JSON.parse(sessionStorage.getItem(this.#key) ?? "null");
    if (!asked || !answer.has("state") || answer.get("state") !== asked.state) return null;
    sessionStorage.removeItem(this.#key);
    history.replaceState(null, "", asked.redirectUri);
    if (!answer.has("code")) throw new PasswordlessError({ title: answer.get("error") ?? undefined }, 0);
    const response = await fetch(`${this.#oidc}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code", code: answer.get("code") ?? "", client_id: this.#options.clientId,
        redirect_uri: asked.redirectUri, code_verifier: asked.verifier,
      }),
    }).catch(() => null);
    const tokens = response ? await response.json().catch(() => ({})) : {};
    if (!response?.ok) throw new PasswordlessError({ title: tokens.error }, response?.status ?? 0);
    const claims = claimsOf(tokens.id_token);
    if (claims.nonce !== asked.nonce) throw new PasswordlessError({ title: "invalid_nonce" }, 0);
    return {
      claims, idToken: tokens.id_token, accessToken: tokens.access_token, refreshToken: tokens.refresh_token,
      isEarlier: isEarlier(claims, asked),
    };
  }

  /** Leave for Keycloak's end of session, and come back. @param {string} returnTo @param {string} [idToken] */
  signOut(returnTo, idToken) {
    const query = new URLSearchParams({ client_id: this.#options.clientId, post_logout_redirect_uri: returnTo });
    if (idToken) query.set("id_token_hint", idToken);
    location.assign(`${this.#oidc}/logout?${query}`);
  }

  get #oidc() {
    return `${this.#options.keycloak}/realms/${encodeURIComponent(this.#options.realm)}/protocol/openid-connect`;
  }

  async #call(method, path, body) {
    const { clientId, login } = this.#options;
    const said = { client_id: clientId, ...(login ? { login } : {}) };
    const response = await fetch(this.#base + path + (body ? "" : `?${new URLSearchParams(said)}`), {
      method,
      // Where the page is on the sidecar's own site, the challenge belongs to this browser by its cookie.
      credentials: "include",
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify({ ...said, ...body }) : undefined,
    }).catch(() => null);
    const answer = response ? await response.json().catch(() => ({})) : {};
    if (!response?.ok) {
      const after = Number(response?.headers.get("Retry-After"));
      throw new PasswordlessError(answer, response?.status ?? 0, after || undefined);
    }
    return answer;
  }
}

// Keycloak's session wins over a new login. One that was made by this login is younger than the proof of the code; one
// that was there before is older than the wish for it. Both ages are by Keycloak's clock, both waits by this one.
function isEarlier(claims, { startedAt, provenAt }) {
  if (!claims.auth_time) return false;
  const middle = (startedAt + provenAt) / 2;
  return claims.iat - claims.auth_time > (Date.now() - middle) / 1000 + 1;
}
