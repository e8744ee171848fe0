// Draws anew, every two seconds while somebody looks, the parts of a page that say that they are live. It fetches the page itself and
// moves those parts over: the page is served under a policy that lets no script write markup, and none is written here.
"use strict";

const EVERY = 2000;
const state = document.getElementById("state");
const parts = () => [...document.querySelectorAll("[data-live][id]")];
let asking = false;

function say(text) {
  if (state && state.textContent !== text) state.textContent = text;
}

// The page as the server draws it now. An XMLHttpRequest reads a document by itself; `fetch` would leave us with text.
function ask() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = 10_000;
    request.onload = () => (request.status === 200 && request.response ? resolve(request) : reject(request.status));
    request.onerror = request.ontimeout = () => reject(0);
    request.send();
  });
}

async function refresh() {
  if (document.hidden || asking) return;
  asking = true;
  try {
    const answer = await ask();
    // The session has ended: the page to come in at has none of these parts.
    if (new URL(answer.responseURL).pathname !== location.pathname) return location.reload();
    for (const part of parts()) {
      const fresh = answer.response.getElementById(part.id);
      // Whoever is reading or typing in there is not disturbed.
      if (fresh && !part.contains(document.activeElement) && fresh.innerHTML !== part.innerHTML) {
        part.replaceChildren(...document.adoptNode(fresh).childNodes);
      }
    }
    say("Live.");
  } catch {
    say("The collector does not answer; trying again.");
  } finally {
    asking = false;
  }
}

if (parts().length > 0) {
  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
}
