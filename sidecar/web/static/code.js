// The code page's comfort: countdowns, news of the mail, and going on when the code is complete.
// The server decides everything; without this file the page works and shows its state as of loading.

const POLL_FIRST_MS = 2000;
const POLL_LONGEST_MS = 15000;
const POLL_GROWTH = 1.5;

const challenge = document.getElementById("challenge");
const codeForm = document.getElementById("code-form");
const codeField = document.getElementById("code");
const statusLine = document.getElementById("status");

// Moments on the monotonic clock, which no change of the computer's time moves.
let expiresAt = 0;
let resendAt = 0;
let isOver = challenge.hasAttribute("data-is-over");

function setTimes(expiresInSeconds, resendInSeconds) {
  const now = performance.now();
  expiresAt = now + expiresInSeconds * 1000;
  resendAt = now + resendInSeconds * 1000;
}

function secondsUntil(moment) {
  return Math.max(0, Math.ceil((moment - performance.now()) / 1000));
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// Countdowns. They are no live regions: a screen reader reads them when asked, not each second.

function showTimeLeft() {
  const line = document.getElementById("code-left");
  line.textContent = line.dataset.text.replace("{time}", clock(secondsUntil(expiresAt)));
}

function showResendWait() {
  const seconds = secondsUntil(resendAt);
  for (const button of document.querySelectorAll("#resend, #new-code")) {
    button.setAttribute("aria-disabled", String(seconds > 0));
  }
  if (!document.querySelector("#resend, #new-code")) {
    return; // No more messages: the line says so, and there is nothing to count.
  }
  for (const line of document.querySelectorAll("[data-resend-wait]")) {
    line.textContent = seconds > 0 ? line.dataset.text.replace("{time}", clock(seconds)) : "";
  }
}

function tick() {
  if (!isOver) {
    showTimeLeft();
    if (secondsUntil(expiresAt) === 0) {
      changeOver();
    }
  }
  showResendWait();
}

// The time is up: the field goes, the way to a new code comes.
function changeOver() {
  isOver = true;
  const hadFocus = codeForm.contains(document.activeElement);
  document.getElementById("heading").textContent = challenge.dataset.overTitle;
  document.querySelectorAll("[data-while-open]").forEach((part) => { part.hidden = true; });
  document.querySelectorAll("[data-when-over]").forEach((part) => { part.hidden = false; });
  if (hadFocus) {
    document.getElementById("new-code")?.focus();
  }
}

// News of the mail, asked for while somebody looks at the page.

let pollDelay = POLL_FIRST_MS;
let pollTimer;
// A form is on its way. News would come before the answer to it where the connection is slow, say that the code is
// used (by this very form), and take the person off the way to where they are signed in.
let isLeaving = false;

async function poll() {
  try {
    const response = await fetch(challenge.dataset.statusUrl, { headers: { Accept: "application/json" } });
    if (response.ok) {
      const news = await response.json();
      if (!isLeaving) {
        show(news);
      }
    } else if (response.status < 500) {
      return; // Finished in another tab: nothing more will come.
    }
  } catch {
    // Offline for a moment: the next round tells.
  }
  pollDelay = Math.min(pollDelay * POLL_GROWTH, POLL_LONGEST_MS);
  schedulePoll();
}

function schedulePoll() {
  clearTimeout(pollTimer);
  if (!isOver && !isLeaving && !document.hidden) {
    pollTimer = setTimeout(poll, pollDelay);
  }
}

// A link is opened in another tab: whoever comes back to this one wants to know at once how it went.
const doneUrl = challenge.dataset.doneUrl;

function show(news) {
  if (news.used && doneUrl) {
    location.replace(doneUrl);
    return;
  }
  setTimes(news.expires_in_s, news.resend_in_s);
  const text = statusLine?.getAttribute(`data-text-${news.status}`);
  if (text && statusLine.dataset.status !== news.status) {
    statusLine.dataset.status = news.status;
    statusLine.textContent = text;
  }
  // Only on the page of a browser that the address knows.
  document.getElementById("other-channel")?.toggleAttribute("hidden", !["delayed", "failed"].includes(news.status));
  if (!news.open && !isOver) {
    changeOver();
  }
  tick();
}

// Goes on by itself when a person has typed or pasted the whole code; once, so that a wrong one can be mended.

let hasGoneOn = false;

function goOnWhenComplete() {
  const typed = codeField.value.replace(/[\s-]/g, "");
  const isComplete = /^\d+$/.test(typed) && typed.length === Number(challenge.dataset.digits);
  if (isComplete && !hasGoneOn && !isOver) {
    hasGoneOn = true;
    codeForm.requestSubmit();
  }
}

function whenTyped(event) {
  if (event.isTrusted) {
    goOnWhenComplete();
  }
}

// Whoever was faster than this file typed the code already. Not after a reload or on the way back: there the
// browser puts an old code into the field, and sending it would cost a try.
function goOnWithWhatWasTypedBefore() {
  const [navigation] = performance.getEntriesByType("navigation");
  if (navigation?.type === "navigate") {
    goOnWhenComplete();
  }
}

function keepWaiting(event) {
  if (event.currentTarget.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
  }
}

setTimes(Number(challenge.dataset.expiresIn), Number(challenge.dataset.resendIn));
document.querySelectorAll("[data-with-script]").forEach((part) => { part.hidden = false; });
document.querySelectorAll("#resend, #new-code").forEach((button) => button.addEventListener("click", keepWaiting));
document.addEventListener("submit", (event) => {
  isLeaving ||= !event.defaultPrevented; // A form that was sent once is not sent again, and is on its way all the same.
  schedulePoll();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    isLeaving = false;
    schedulePoll();
  }
});
if (codeField) {
  codeField.addEventListener("input", whenTyped);
  goOnWithWhatWasTypedBefore();
}
document.addEventListener("visibilitychange", () => {
  pollDelay = POLL_FIRST_MS;
  if (doneUrl && !isLeaving && !document.hidden) {
    poll();
  } else {
    schedulePoll();
  }
});
setInterval(tick, 1000);
tick();
schedulePoll();
