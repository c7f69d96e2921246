// Codes on an application's own page, over the sidecar's REST API (docs/api.md). No dependencies.

/** What the API refused: `code` is stable, `status` is HTTP's, `retryAfter` in seconds where there is one. */
export class PasswordlessError extends Error {
  constructor(problem, status, retryAfter) {
    super(problem.detail ?? "The request failed.");
    this.name = "PasswordlessError";
    this.code = problem.title ?? "unavailable";
    this.status = status;
    this.retryAfter = retryAfter;
    this.triesLeft = problem.tries_left;
  }
}

/**
 * @typedef {{id: string, connection: string, masked_address: string, digits: number, status: string, open: boolean,
 *   tries_left: number, expires_in_s: number, resend_in_s: number}} Challenge
 * @typedef {{url: string, realm: string, clientId: string}} Options `url`: the sidecar's public URL.
 */
export class Passwordless {
  /** @param {Options} options */
  constructor({ url, realm, clientId }) {
    this.base = `${url}/api/v1/realms/${encodeURIComponent(realm)}`;
    this.clientId = clientId;
  }

  /** Send a code. @returns {Promise<Challenge>} */
  start(connection, address, locale = "") {
    return this.#call("POST", "/challenges", { connection, address, locale });
  }

  /** How it stands. @returns {Promise<Challenge>} */
  status(id) {
    return this.#call("GET", `/challenges/${id}`);
  }

  /** Send the code again. @returns {Promise<Challenge>} another one, if the old one is nearly over. */
  resend(id) {
    return this.#call("POST", `/challenges/${id}/resend`, {});
  }

  /** Try a code. @returns {Promise<string>} a ticket, for a minute. */
  async verify(id, code) {
    return (await this.#call("POST", `/challenges/${id}/verify`, { code })).ticket;
  }

  /**
   * Leave for Keycloak, which signs in by the ticket and comes back to the application.
   * @param {Record<string, string>} request what the application asks of Keycloak: redirect_uri, response_type,
   *   scope, state, nonce, code_challenge, code_challenge_method.
   */
  signIn(ticket, request) {
    const form = document.createElement("form");
    form.method = "post";
    form.action = `${this.base}/tickets/continue`;
    for (const [name, value] of Object.entries({ client_id: this.clientId, ticket, ...request })) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
  }

  async #call(method, path, body) {
    const query = body ? "" : `?client_id=${encodeURIComponent(this.clientId)}`;
    const response = await fetch(this.base + path + query, {
      method,
      // Where the page is on the sidecar's own site, the challenge belongs to this browser by its cookie.
      credentials: "include",
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify({ client_id: this.clientId, ...body }) : undefined,
    }).catch(() => null);
    const answer = response ? await response.json().catch(() => ({})) : {};
    if (!response?.ok) {
      const after = Number(response?.headers.get("Retry-After"));
      throw new PasswordlessError(answer, response?.status ?? 0, after || undefined);
    }
    return answer;
  }
}
