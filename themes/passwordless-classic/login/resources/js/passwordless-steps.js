// The three steps of <passwordless-login> as elements; what happens in them is the component's.

/** An element; `attributes` that are `true` stand without a value, `false` ones are left out. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((it) => it !== undefined));
  return element;
}

const button = (kind, attributes, text) => make("button", { class: `pwl-button pwl-button-${kind}`, ...attributes }, text);
const main = (attributes, text) => button("primary pwl-button-block", attributes, text);

/** Announced where an error appears. */
export function errorLine() {
  return make("div", { "aria-live": "assertive", "data-error": true });
}

/** One field for what the connections take. @param {Set<boolean>} kinds whether each takes numbers. */
export function addressStep(say, ids, kinds) {
  const [label, type, complete] = kinds.size > 1
    ? ["addressOrNumber", "text", "username"]
    : kinds.has(true) ? ["number", "tel", "tel"] : ["address", "email", "email"];
  const id = `${ids}-address`;
  const field = make("input", {
    id, name: "address", type, required: true, maxlength: 254, dir: "ltr", autocapitalize: "none", spellcheck: "false",
    inputmode: type === "tel" ? "tel" : "email", autocomplete: complete,
  });
  return make("form", { class: "pwl-form", "data-step": "address" },
    make("div", { class: "pwl-field" },
      make("div", { class: "pwl-label-row" }, make("label", { class: "pwl-label", for: id }, say(label))),
      make("span", { class: "pwl-input" }, field),
      errorLine()),
    make("div", { class: "pwl-actions" }, main({ type: "submit" }, say("continue"))));
}

export function codeStep(say, ids) {
  const [id, leftId, goesOnId, waitId] = ["code", "left", "goes-on", "wait"].map((it) => `${ids}-${it}`);
  const title = make("h2", { class: "pwl-title" });
  const lead = make("p", { class: "pwl-lead" });
  const recipient = make("bdi", { "data-recipient": true });
  // No live region: a screen reader reads it when asked, not each second.
  const left = make("span", { class: "pwl-meta", role: "timer", id: leftId });
  const code = make("input", {
    class: "pwl-code-input", id, name: "code", type: "text", inputmode: "numeric", autocomplete: "one-time-code",
    required: true, dir: "ltr", autocapitalize: "none", spellcheck: "false", maxlength: 32,
    "aria-describedby": `${leftId} ${goesOnId}`,
  });
  const codeError = errorLine();
  const form = make("form", { class: "pwl-form", "data-step": "code", novalidate: true },
    make("div", { class: "pwl-field" },
      make("div", { class: "pwl-label-row" }, make("label", { class: "pwl-label", for: id }, say("code")), left),
      make("span", { class: "pwl-input" }, code),
      codeError,
      make("p", { class: "pwl-meta", id: goesOnId }, say("codeGoesOn"))),
    make("div", { class: "pwl-actions" }, main({ type: "submit" }, say("continue"))));
  const newCode = main({ type: "button", "data-new-code": true, hidden: true }, say("newCode"));
  const status = make("p", { class: "pwl-status", role: "status" });
  const hint = make("p", { class: "pwl-meta" });
  const wait = make("p", { class: "pwl-meta", id: waitId });
  const resend = button("secondary", { type: "button", "data-resend": true, "aria-describedby": waitId }, say("resend"));
  const another = button("secondary", { type: "button", "data-another": true });
  const whole = make("div", { class: "pwl-stack", hidden: true },
    title, lead, make("p", { class: "pwl-recipient" }, recipient), form, newCode,
    make("div", { class: "pwl-help" }, status, hint, make("div", { class: "pwl-actions" }, resend, another), wait));
  return { codeStep: whole, title, lead, recipient, left, code, codeError, form, newCode, status, hint, wait, resend, another };
}

export function doneStep(say) {
  const doneText = make("p", { class: "pwl-lead", role: "status" });
  const signOut = button("secondary", { type: "button", "data-sign-out": true, hidden: true }, say("accountSignOut"));
  return { done: make("div", { class: "pwl-stack", hidden: true }, doneText, signOut), doneText, signOut };
}
