/** What the API refused. `code` is stable (docs/errors.md), `status` is HTTP's, 0 where nothing answered. */
export declare class PasswordlessError extends Error {
  constructor(problem: Record<string, unknown>, status: number, retryAfter?: number);
  readonly code: string;
  readonly status: number;
  /** Seconds to wait, where the API says so. */
  readonly retryAfter?: number;
  /** Tries that are left of a code, where one was refused. */
  readonly triesLeft?: number;
}

/** A challenge, as its caller may know it; times are seconds from now. */
export interface Challenge {
  id: string;
  connection: string;
  masked_address: string;
  method: "code" | "link" | "both";
  digits: number;
  status: "sending" | "sent" | "delivered" | "delayed" | "failed";
  open: boolean;
  /** Its code was accepted. */
  verified: boolean;
  tries_left: number;
  expires_in_s: number;
  resend_in_s: number;
}

export interface Options {
  /** The sidecar's public URL. */
  url: string;
  realm: string;
  clientId: string;
  /** Keycloak's URL, for `begin`, `finish` and `signOut`. */
  keycloak?: string;
  /** On Keycloak's own login page only: its name of the login under way (`tab_id`). */
  login?: string;
}

export interface SignedIn {
  /** Of the ID token. */
  claims: Record<string, unknown>;
  idToken: string;
  accessToken: string;
  refreshToken?: string;
  /** The browser was signed in at Keycloak before this login began, perhaps as somebody else, and that session won. */
  isEarlier: boolean;
}

export interface Wanted {
  redirectUri: string;
  /** `openid` if none is given. */
  scope?: string;
  /** What else the application asks of Keycloak: `acr_values`, `prompt`, … */
  parameters?: Record<string, string>;
}

export declare class Passwordless {
  constructor(options: Options);
  /** Send a code, or what the connection sends otherwise: a link shows the code to type. */
  start(connection: string, address: string, locale?: string, method?: "code" | "link" | "both"): Promise<Challenge>;
  /** How it stands. */
  status(id: string): Promise<Challenge>;
  /** Send the code again; another challenge, if the old one is nearly over. */
  resend(id: string): Promise<Challenge>;
  /** Try a code: a ticket, good once, for a minute. */
  verify(id: string, code: string): Promise<string>;
  /** Leave for Keycloak with what the application asks of it, all of it given. */
  signIn(ticket: string, request: Record<string, string>): void;
  /** The same with state, nonce and PKCE, which are kept for `finish` in this tab. */
  begin(ticket: string, wanted: Wanted, startedAt?: number): Promise<void>;
  /** Come back: tokens, or `null` if the page's address holds no answer to a `begin` of this tab. */
  finish(): Promise<SignedIn | null>;
  /** Leave for Keycloak's end of session, and come back; with an ID token nobody is asked. */
  signOut(returnTo: string, idToken?: string): void;
}
