// <passwordless-login>: address, code, done, in place. It stands in the page's own tree, so that the page's style,
// autofill and password managers reach it; its classes are those of our login pages.
import { Passwordless, PasswordlessError } from "./passwordless-client.js";
import { addressStep, codeStep, doneStep, errorLine, make } from "./passwordless-steps.js";
import { TEXTS } from "./passwordless-texts.js";

export { Passwordless, PasswordlessError, TEXTS };

const ERRORS = {
  invalid_address: "errorAddress",
  invalid_number: "errorNumber",
  number_refused: "errorNumberRefused",
  connection_stopped: "errorSmsStopped",
  account_stopped: "errorAccountStopped",
  challenge_not_found: "errorCodeOver",
};
const POLL_FIRST_MS = 2000;
const POLL_LONGEST_MS = 15000;
const POLL_GROWTH = 1.5;
let count = 0;

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
const secondsUntil = (moment) => Math.max(0, Math.ceil((moment - performance.now()) / 1000));

export class PasswordlessLogin extends HTMLElement {
  /** Texts over those of the page's language; set it before or after the element is in the page. */
  texts = {};
  #texts = TEXTS;
  #client;
  #challenge = null;
  #startedAt = 0;
  #expiresAt = 0;
  #resendAt = 0;
  #isOver = false;
  #hasGoneOn = false;
  #isBusy = false;
  // The answer to what was sent is acted on: news of the code, used by it, would only come in between.
  #isLeaving = false;
  #ids = `passwordless-${(count += 1)}`;
  #parts = {};
  #timers = [];
  #pollDelay = POLL_FIRST_MS;
  #poll;
  #otp;
  #leaving = new AbortController();

  async connectedCallback() {
    if (this.#client) return;
    this.#client = new Passwordless({
      url: this.getAttribute("url") ?? "", realm: this.getAttribute("realm") ?? "",
      clientId: this.getAttribute("client-id") ?? "", keycloak: this.getAttribute("keycloak") ?? "",
      login: this.getAttribute("login") ?? undefined,
    });
    await this.#readTexts();
    this.#build();
    const options = { signal: this.#leaving.signal };
    this.addEventListener("submit", (event) => this.#submitted(event), options);
    window.addEventListener("popstate", () => this.#moved(), options);
    window.addEventListener("pageshow", (event) => event.persisted && this.#stay(), options);
    document.addEventListener("visibilitychange", () => this.#schedule(POLL_FIRST_MS), options);
    await this.#arrive();
    this.setAttribute("ready", "");
  }

  disconnectedCallback() {
    this.#leaving.abort();
    this.#otp?.abort();
    clearTimeout(this.#poll);
    this.#timers.forEach(clearInterval);
  }

  /** Back to the address, and forget the code that was asked for. */
  reset() {
    this.#forget();
    this.#show("address");
  }

  /** Sign out at Keycloak and come back here; with an ID token nobody is asked. */
  signOut(idToken) {
    this.#client.signOut(this.#here, idToken);
  }

  // --- What it is made of

  async #readTexts() {
    const said = this.getAttribute("texts");
    this.#texts = said ? { ...TEXTS, ...JSON.parse(said) } : { ...TEXTS, ...(await this.#fetchTexts()) };
  }

  async #fetchTexts() {
    const locale = this.#locale;
    if (!/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(locale)) return {};
    for (const tag of new Set([locale, locale.split("-")[0]])) {
      if (tag === "en") break;
      const answer = await fetch(new URL(`texts/${tag}.json`, import.meta.url)).catch(() => null);
      if (answer?.ok) return answer.json().catch(() => ({}));
    }
    return {};
  }

  get #locale() {
    return this.getAttribute("locale") || document.documentElement.lang || "en";
  }

  #say(name, ...args) {
    const all = { ...this.#texts, ...this.texts };
    const form = `${name}.${typeof args[0] === "number" ? new Intl.PluralRules(this.#locale).select(args[0]) : ""}`;
    const text = all[form] ?? all[name] ?? all[`${name}.other`] ?? "";
    return text.replace(/\{(\d)\}/g, (whole, index) => String(args[Number(index)] ?? whole));
  }

  /** The connections: alias, and whether it takes numbers; the first of each kind counts. */
  get #connections() {
    return (this.getAttribute("connections") ?? "email sms/sms").trim().split(/\s+/).map((it) => {
      const [alias, kind] = it.split("/");
      return { alias, takesNumbers: kind === "sms" };
    });
  }

  get #here() {
    return this.getAttribute("redirect-uri") ?? location.origin + location.pathname;
  }

  #build() {
    const [say, ids] = [(name) => this.#say(name), this.#ids];
    // What the page brings along is the address step: its forms say by data-pwl-takes and data-pwl-alias whose they are.
    // It stays where it is: an element that is moved loses the focus.
    const given = this.querySelector(":scope > [data-step=address]");
    const address = given ?? addressStep(say, ids, new Set(this.#connections.map((it) => it.takesNumbers)));
    const part = (this.#parts = { address, ...codeStep(say, ids), ...doneStep(say) });
    if (!given) this.append(address);
    this.append(part.codeStep, part.done);
    for (const form of given?.querySelectorAll("form[data-pwl-takes]") ?? []) {
      (form.querySelector("[name=login_hint]").closest(".pwl-field") ?? form).append(errorLine());
    }
    part.title.hidden = this.hasAttribute("heading");
    part.code.addEventListener("input", (event) => event.isTrusted && this.#goOnWhenComplete());
    for (const button of [part.resend, part.newCode]) button.addEventListener("click", () => this.#sendAgain());
    part.another.addEventListener("click", () => this.#goBack());
    this.#timers.push(setInterval(() => this.#tick(), 1000));
  }

  // --- Which step

  async #arrive() {
    try {
      const signedIn = this.getAttribute("keycloak") ? await this.#client.finish() : null;
      if (signedIn) return this.#signedIn(signedIn);
    } catch {
      this.#show("address");
      return this.#fail(null, this.#say("errorUnavailable"));
    }
    // After a reload at the code: the same step, and nothing is sent again.
    const kept = this.#isAtCode ? JSON.parse(sessionStorage.getItem(this.#key) ?? "null") : null;
    const found = kept ? await this.#client.status(kept.id).catch(() => null) : null;
    if (!found?.open) {
      this.#forget();
      return this.#show("address");
    }
    this.#startedAt = kept.startedAt;
    this.#take(found);
    return this.#show("code");
  }

  #signedIn(signedIn) {
    const { claims, idToken, isEarlier } = signedIn;
    const who = claims.email ?? claims.phone_number ?? claims.preferred_username ?? claims.sub;
    this.#parts.doneText.textContent = isEarlier ? this.#say("otherSession", who) : this.#say("linkDoneTitle");
    this.#parts.signOut.hidden = !isEarlier;
    this.#parts.signOut.addEventListener("click", () => this.signOut(idToken));
    this.#show("done");
    this.#tell("passwordless-signed-in", signedIn);
  }

  get #key() {
    return `passwordless ${this.getAttribute("realm")} ${this.getAttribute("client-id")} code`;
  }

  get #isAtCode() {
    return history.state?.passwordless === this.#key;
  }

  #moved() {
    if (this.#isAtCode && this.#challenge) this.#show("code");
    else if (!this.#parts.codeStep.hidden) this.#show("address");
  }

  #goBack() {
    if (this.#isAtCode) history.back();
    else this.#show("address");
  }

  #show(step) {
    const part = this.#parts;
    part.address.hidden = step !== "address";
    part.codeStep.hidden = step !== "code";
    part.done.hidden = step !== "done";
    this.setAttribute("step", step);
    this.#stay();
    this.#otp?.abort();
    this.#setHeading(step === "code" ? this.#say(this.#isOver ? "codeOverTitle" : "codeTitle") : null);
    this.#tick();
    if (step === "code") {
      part.code.focus();
      this.#listenForText();
    } else if (step === "address" && this.#challenge) {
      this.#addressField()?.focus();
    }
    this.#tell("passwordless-step", { step });
  }

  /** The page's own heading (`heading` is its id) tells the step, where there is one. */
  #setHeading(text) {
    const heading = document.getElementById(this.getAttribute("heading") ?? "");
    this.#parts.title.textContent = text ?? "";
    if (!heading) return;
    heading.dataset.pwlBefore ??= heading.textContent;
    heading.textContent = text ?? heading.dataset.pwlBefore;
  }

  // --- The address

  #submitted(event) {
    const form = event.target;
    if (event.defaultPrevented || form.dataset.pwlFallback !== undefined) return;
    if (form === this.#parts.form) {
      event.preventDefault();
      this.#tryCode();
    } else if (form.dataset.pwlTakes || form.dataset.step === "address") {
      event.preventDefault();
      this.#ask(form);
    }
  }

  #addressField() {
    return [...this.#parts.address.querySelectorAll("input[name=address], input[name=login_hint]:not([type=hidden])")]
      .find((it) => !it.closest("[hidden]"));
  }

  /** @param {HTMLFormElement} form */
  async #ask(form) {
    const address = (form.elements.namedItem("address") ?? form.elements.namedItem("login_hint")).value.trim();
    const takesNumbers = !address.includes("@");
    const connection = form.dataset.pwlAlias ?? this.#connections.find((it) => it.takesNumbers === takesNumbers)?.alias;
    if (!connection) return this.#fail(null, this.#say(takesNumbers ? "errorAddress" : "errorNumber"));
    return this.#trying(null, async () => {
      this.#startedAt = Date.now();
      let started;
      try {
        // On Keycloak's page links go their own way, page by page.
        started = await this.#client.start(connection, address, this.#locale, this.hasAttribute("login") ? "code" : "");
      } catch (error) {
        if (!this.#mustFallBack(form, error)) throw error;
        // The form's own way: what stands without a script works wherever this does not.
        form.dataset.pwlFallback = "";
        form.requestSubmit();
        return true;
      }
      this.#take(started);
      this.#hasGoneOn = false;
      this.#parts.code.value = "";
      if (!this.#isAtCode) history.pushState({ ...history.state, passwordless: this.#key }, "");
      return this.#show("code");
    });
  }

  #mustFallBack(form, error) {
    const isSaid = error.code in ERRORS || error.code === "rate_limited";
    return form.dataset.pwlTakes !== undefined && !isSaid;
  }

  // --- The code

  #take(challenge) {
    this.#challenge = challenge;
    sessionStorage.setItem(this.#key, JSON.stringify({ id: challenge.id, startedAt: this.#startedAt }));
    const now = performance.now();
    this.#expiresAt = now + challenge.expires_in_s * 1000;
    this.#resendAt = now + challenge.resend_in_s * 1000;
    const isNumber = this.#connections.find((it) => it.alias === challenge.connection)?.takesNumbers ?? false;
    const part = this.#parts;
    this.#isOver = !challenge.open;
    part.lead.textContent = this.#isOver ? this.#say("codeOverLead") : this.#say(isNumber ? "codeLeadSms" : "codeLead", challenge.digits);
    part.recipient.textContent = challenge.masked_address;
    part.hint.textContent = this.#say(isNumber ? "signalHint" : "spamHint");
    part.another.textContent = this.#say(isNumber ? "anotherNumber" : "anotherAddress");
    this.#news(challenge);
    for (const it of [part.form, part.status, part.hint, part.resend]) it.hidden = this.#isOver;
    part.newCode.hidden = !this.#isOver;
    this.#tick();
  }

  #news({ status }) {
    const text = this.#say(`status${status.charAt(0).toUpperCase()}${status.slice(1)}`);
    if (text && this.#parts.status.dataset.status !== status) {
      this.#parts.status.dataset.status = status;
      this.#parts.status.textContent = text;
    }
  }

  #tick() {
    const challenge = this.#challenge;
    if (!challenge || this.#parts.codeStep.hidden) return;
    const [left, wait] = [secondsUntil(this.#expiresAt), secondsUntil(this.#resendAt)];
    this.#parts.left.textContent = this.#say("codeTimeLeft", clock(left));
    this.#parts.wait.textContent = wait > 0 ? this.#say("resendCountdown", clock(wait)) : "";
    for (const button of [this.#parts.resend, this.#parts.newCode]) button.setAttribute("aria-disabled", String(wait > 0));
    if (left === 0 && !this.#isOver) this.#endCode();
  }

  #endCode() {
    const hadFocus = this.#parts.form.contains(document.activeElement);
    this.#take({ ...this.#challenge, open: false, expires_in_s: 0 });
    this.#setHeading(this.#say("codeOverTitle"));
    if (hadFocus) this.#parts.newCode.focus();
  }

  #goOnWhenComplete() {
    const typed = this.#parts.code.value.replace(/[\s-]/g, "");
    if (/^\d+$/.test(typed) && typed.length === this.#challenge?.digits && !this.#hasGoneOn && !this.#isOver) {
      this.#hasGoneOn = true;
      this.#tryCode();
    }
  }

  /** A code that the phone reads out of the message itself, where it can (WebOTP). */
  async #listenForText() {
    if (!("OTPCredential" in window)) return;
    this.#otp = new AbortController();
    const found = await navigator.credentials.get({ otp: { transport: ["sms"] }, signal: this.#otp.signal }).catch(() => null);
    if (!found?.code || this.#parts.codeStep.hidden) return;
    this.#parts.code.value = found.code;
    this.#goOnWhenComplete();
  }

  #tryCode() {
    const challenge = this.#challenge;
    return this.#trying("code", async () => {
      const ticket = await this.#client.verify(challenge.id, this.#parts.code.value);
      this.#forget();
      const detail = { ticket, connection: challenge.connection, maskedAddress: challenge.masked_address };
      if (this.#tell("passwordless-ticket", detail)) await this.#goOn(ticket, challenge.connection);
      return true;
    });
  }

  /** To Keycloak: through its own broker on its own page, else as the application's login. */
  #goOn(ticket, connection) {
    const form = [...this.querySelectorAll("form[data-pwl-takes]")].find((it) => it.dataset.pwlAlias === connection);
    if (form) {
      const said = new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
      said.set("login_hint", ticket);
      return location.assign(`${form.action.split("?")[0]}?${said}`);
    }
    if (!this.getAttribute("keycloak")) return undefined;
    const wanted = { redirectUri: this.#here, scope: this.getAttribute("scope") ?? "openid" };
    return this.#client.begin(ticket, wanted, this.#startedAt);
  }

  #sendAgain() {
    if (secondsUntil(this.#resendAt) > 0) return undefined;
    return this.#trying("code", async () => {
      this.#take(await this.#client.resend(this.#challenge.id));
      this.#hasGoneOn = false;
      this.#parts.code.value = "";
      this.#show("code");
    });
  }

  #schedule(delay) {
    clearTimeout(this.#poll);
    this.#pollDelay = delay;
    const isWaiting = !this.#isBusy && !this.#isLeaving;
    if (isWaiting && this.#challenge && !this.#isOver && !document.hidden && !this.#parts.codeStep.hidden) {
      this.#poll = setTimeout(() => this.#look(), delay);
    }
  }

  async #look() {
    const { id } = this.#challenge;
    const found = await this.#client.status(id).catch((error) => error);
    if (this.#challenge?.id !== id || this.#isBusy || this.#isLeaving) return;
    if (found instanceof PasswordlessError) {
      if (found.status >= 400 && found.status < 500) return;
    } else if (!found.open) {
      this.#endCode();
    } else {
      this.#expiresAt = performance.now() + found.expires_in_s * 1000;
      this.#resendAt = performance.now() + found.resend_in_s * 1000;
      this.#news(found);
    }
    this.#schedule(Math.min(this.#pollDelay * POLL_GROWTH, POLL_LONGEST_MS));
  }

  #forget() {
    sessionStorage.removeItem(this.#key);
  }

  // --- What went wrong

  async #trying(step, act) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    clearTimeout(this.#poll);
    this.#enable(false);
    this.#fail(step, "");
    try {
      this.#isLeaving = (await act()) === true;
    } catch (error) {
      this.#refused(step, error);
    } finally {
      this.#isBusy = false;
      if (!this.#isLeaving) this.#stay();
    }
  }

  #refused(step, error) {
    if (!(error instanceof PasswordlessError)) {
      this.#fail(step, this.#say("errorUnavailable"));
      throw error;
    }
    const digits = this.#challenge?.digits;
    if (error.code === "rate_limited") this.#fail(step, this.#say("errorWaitMinutes", Math.ceil((error.retryAfter ?? 60) / 60)));
    else if (error.code === "code_refused" && error.triesLeft) this.#fail(step, this.#say("errorCode", error.triesLeft));
    else if (step === "code" && error.code === "invalid_request") this.#fail(step, this.#say("errorCodeFormat", digits));
    else if (step === "code" && ["code_refused", "challenge_not_found"].includes(error.code)) {
      this.#endCode();
      this.#fail(step, this.#say("errorCodeOver"));
    } else this.#fail(step, this.#say(ERRORS[error.code] ?? "errorUnavailable"));
  }

  #fail(step, text) {
    const field = step === "code" ? this.#parts.code : this.#addressField();
    const { address, codeError } = this.#parts;
    const line = step === "code"
      ? codeError : address.querySelector("form:not([hidden]) [data-error]") ?? address.querySelector("[data-error]") ?? codeError;
    const id = `${this.#ids}-${step ?? "address"}-error`;
    line.replaceChildren(...(text ? [make("p", { class: "pwl-error-text", id }, text)] : []));
    field?.closest("span")?.classList.toggle("pwl-invalid", text !== "");
    if (!field) return;
    field.toggleAttribute("aria-invalid", text !== "");
    if (text) {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", `${id} ${field.dataset.describedby ?? ""}`.trim());
      field.focus();
      field.select?.();
    } else if (step === "code") {
      field.setAttribute("aria-describedby", `${this.#ids}-left ${this.#ids}-goes-on`);
    } else {
      field.removeAttribute("aria-describedby");
    }
  }

  #stay() {
    this.#isLeaving = false;
    this.#enable(true);
    this.#schedule(POLL_FIRST_MS);
  }

  #enable(isEnabled) {
    const set = () => this.querySelectorAll("button").forEach((it) => (it.disabled = !isEnabled));
    set();
    // After those that disable a form's button once it was sent.
    if (isEnabled) setTimeout(set);
  }

  #tell(name, detail) {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, cancelable: true }));
  }
}

customElements.define("passwordless-login", PasswordlessLogin);
