// The page works without this: it only spares the refresh, and copies the code.
"use strict";

const EVERY_MS = 1000;
let etag = null;
let isAsking = false;

function wireCopyButton() {
  const button = document.querySelector("[data-copy]");
  if (!button || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}

// The message that is open stays as it is, frame and selection included, unless another one takes its place.
function show(fresh) {
  const mailbox = document.getElementById("mailbox");
  const before = mailbox.querySelector(".message");
  const after = fresh.querySelector(".message");
  const list = mailbox.querySelector(".list");
  const focused = document.activeElement?.getAttribute("href");
  list.replaceWith(fresh.querySelector(".list"));
  if (focused) mailbox.querySelector(`.list a[href="${CSS.escape(focused)}"]`)?.focus();
  if (before?.dataset.message !== after?.dataset.message) {
    before?.remove();
    if (after) mailbox.append(after);
    wireCopyButton();
  }
  document.title = fresh.title;
  document.querySelector(".bar button").disabled = fresh.querySelector(".bar button").disabled;
}

async function ask() {
  if (document.hidden || isAsking) return;
  isAsking = true;
  try {
    const answer = await fetch(location.pathname, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
    if (answer.status === 200) {
      const isFirst = etag === null;
      etag = answer.headers.get("ETag");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.redirected) location.replace(answer.url);
      else if (!isFirst || fresh.querySelectorAll(".list li").length !== document.querySelectorAll(".list li").length) show(fresh);
    }
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away"); // the demo was stopped; once it runs again the page goes on
  } finally {
    isAsking = false;
  }
}

wireCopyButton();
ask();
setInterval(ask, EVERY_MS);
document.addEventListener("visibilitychange", ask);
