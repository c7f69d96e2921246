// Each form is sent once. Works on top of plain forms; without scripts the server copes alone.

const onceForms = [...document.querySelectorAll("form[data-once]")];

function setSent(form, isSent) {
  form.toggleAttribute("data-sent", isSent);
  for (const button of form.querySelectorAll("button[type=submit]")) {
    // Only once the browser has taken the form's data; what is aria-disabled waits for its countdown, see code.js.
    setTimeout(() => { button.disabled = isSent; });
  }
}

for (const form of onceForms) {
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("data-sent")) {
      event.preventDefault();
      return;
    }
    setSent(form, true);
  });
}

// A page that comes back from the browser's cache must be usable again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    onceForms.forEach((form) => setSent(form, false));
  }
});
