import { Passwordless, PasswordlessError, type SignedIn } from "./passwordless-client.js";

export { Passwordless, PasswordlessError };

/** What it says in English; arguments are `{0}`. */
export declare const TEXTS: Readonly<Record<string, string>>;

/** `passwordless-step`: another step is shown. */
export type StepEvent = CustomEvent<{ step: "address" | "code" | "done" }>;
/** `passwordless-ticket`: a code was right; `preventDefault()` to go on by yourself. */
export type TicketEvent = CustomEvent<{ ticket: string; connection: string; maskedAddress: string }>;
/** `passwordless-signed-in`: back from Keycloak, with tokens. */
export type SignedInEvent = CustomEvent<SignedIn>;

/**
 * `<passwordless-login>`. Attributes: `url`, `realm`, `client-id`, `keycloak`, `connections`, `redirect-uri`, `scope`,
 * `locale`, `texts` (JSON), `heading` (the id of the page's own), `login` (on Keycloak's page only).
 */
export declare class PasswordlessLogin extends HTMLElement {
  /** Texts over those of the page's language. */
  texts: Record<string, string>;
  /** Back to the address, and forget the code that was asked for. */
  reset(): void;
  /** Sign out at Keycloak and come back here; with an ID token nobody is asked. */
  signOut(idToken?: string): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "passwordless-login": PasswordlessLogin;
  }
  interface HTMLElementEventMap {
    "passwordless-step": StepEvent;
    "passwordless-ticket": TicketEvent;
    "passwordless-signed-in": SignedInEvent;
  }
}
