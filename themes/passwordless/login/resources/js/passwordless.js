// Comfort for the login page; each form works without it.

// Keycloak's session_code is good for one request: a second click would end on "Page has expired".
function disableAfterSubmit(form) {
  form.addEventListener("submit", () => {
    // Only once the browser has taken the form's data.
    setTimeout(() => setDisabled(form, true));
  });
}

function setDisabled(form, isDisabled) {
  for (const button of form.querySelectorAll("button[type=submit]")) {
    button.disabled = isDisabled;
  }
}

// What was typed as the address is offered as the user name too.
function prefill(field) {
  const source = document.getElementById(field.dataset.pwlPrefill);
  field.closest("details")?.addEventListener("toggle", () => {
    field.value ||= source?.value ?? "";
  });
}

// One field for an address or a number: what is typed decides which form is sent. The forms stay whole, so that either
// works alone. An application's wish (`connection=…` in this page's own address) shows that connection's form instead.
function join(first, second) {
  const wish = new URLSearchParams(window.location.search).get("connection");
  const wished = [first, second].find((form) => form.dataset.pwlAlias === wish);
  if (wished) {
    showOne(wished, wished === first ? second : first);
    return;
  }
  const [field, other] = [first, second].map((form) => form.elements.login_hint);
  document.querySelector(`label[for="${field.id}"]`).textContent = first.dataset.pwlEither;
  field.type = "text";
  field.inputMode = "email";
  if (field.autocomplete === "email" || field.autocomplete === "tel") {
    field.autocomplete = "username";
  }
  field.value ||= other.value;
  second.hidden = true;
  first.addEventListener("submit", (event) => {
    const kind = field.value.includes("@") ? "addresses" : "numbers";
    if (first.dataset.pwlTakes !== kind) {
      event.preventDefault();
      other.value = field.value;
      second.requestSubmit();
      setTimeout(() => setDisabled(first, true));
    }
  });
}

function showOne(form, other) {
  form.after(other);
  other.hidden = true;
  form.elements.login_hint.focus();
  const button = document.createElement("button");
  button.type = "button";
  button.className = "pwl-button pwl-button-quiet";
  button.textContent = other.dataset.pwlInstead;
  button.addEventListener("click", () => {
    button.remove();
    other.hidden = false;
    form.hidden = true;
    other.elements.login_hint.focus();
  });
  other.after(button);
}

const [firstForm, secondForm] = document.querySelectorAll("form[data-pwl-takes]");
if (secondForm) {
  join(firstForm, secondForm);
}

const onceForms = [...document.querySelectorAll("form[data-pwl-once]")];
onceForms.forEach(disableAfterSubmit);
document.querySelectorAll("[data-pwl-prefill]").forEach(prefill);
// A page that comes back from the browser's cache must be usable again.
window.addEventListener("pageshow", () => onceForms.forEach((form) => setDisabled(form, false)));
