// What pages do beyond links and forms. All of them work without it.
"use strict";

// Buttons that do nothing without this script are hidden until it runs.
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;

// A reader who goes on in the history before the scripts listen to that has another address than the page.
const [arrival] = performance.getEntriesByType("navigation");
const place = (address) => {
  const { pathname, searchParams } = new URL(address);
  searchParams.delete("said");
  return `${pathname}?${searchParams}`;
};
setTimeout(() => { if (arrival?.redirectCount === 0 && place(arrival.name) !== place(location)) location.reload(); });

// What was said once is not said again to a reader who reloads, or is given this address.
const here = new URL(location);
if (here.searchParams.has("said")) {
  here.searchParams.delete("said");
  history.replaceState(history.state, "", here);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const said = document.getElementById("said");
  const tell = (text) => { if (said) said.textContent = text; };
  const select = () => { field.focus(); field.select(); tell(button.dataset.byHand); };
  if (!navigator.clipboard) { select(); return; }
  navigator.clipboard.writeText(field.value).then(() => tell(button.dataset.done), select);
});

// "/" goes to the search over everything, as in many programs.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const search = document.getElementById("everything");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// Forms are sent once, however often a button is pressed.
let sent = new WeakSet();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (sent.has(form)) { event.preventDefault(); return; }
  sent.add(form);
});
window.addEventListener("pageshow", () => { sent = new WeakSet(); });

// A country's option says whether its addresses need a state; a state that is filled in stays in sight.
const askForState = () => {
  const country = document.getElementById("address.countryCode");
  const place = document.getElementById("state");
  if (!country || !place) return;
  const state = place.querySelector("input");
  state.required = "hasStates" in country.selectedOptions[0].dataset;
  place.hidden = country.value !== "" && !state.required && state.value === "";
};
document.addEventListener("change", (event) => { if (event.target.id === "address.countryCode") askForState(); });
// Browsers put into a form what it had when it was left.
window.addEventListener("pageshow", askForState);

// An answer that has not what was asked for (a problem, the page to sign in), or none at all, changes nothing on the
// page, and is told. Asked again as a page of its own it says what is wrong.
const tellUnanswered = (request) => {
  const note = document.getElementById("unanswered");
  note.querySelector("a").href = request.action;
  note.hidden = false;
};
let focused;
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  if (tasks.some((task) => task.fragment.childElementCount)) {
    document.getElementById("unanswered").hidden = true;
    focused = document.activeElement;
    // A row that stays is seen to move; it must only stay while a reader is at the list.
    for (const task of tasks) {
      if (task.target.matches("#found:not(:focus-within)")) task.swapSpec.style = "outerHTML";
    }
  } else {
    event.preventDefault();
    tellUnanswered(ctx.request);
  }
});
document.addEventListener("htmx:error", (event) => tellUnanswered(event.detail.ctx?.request ?? { action: "" }));

// What is pressed must still be there, at its place, when it is let go: answers wait until then.
let letGo = Promise.resolve();
document.addEventListener("pointerdown", () => {
  const pressed = new AbortController();
  letGo = new Promise((resolve) => {
    const end = () => {
      pressed.abort();
      setTimeout(resolve);
    };
    for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, end, { signal: pressed.signal });
  });
}, { capture: true });
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const { fetch } = ctx;
  ctx.fetch = async (url, request) => {
    const response = await fetch(url, request);
    const text = await response.text();
    response.text = async () => {
      await letGo;
      request.signal.throwIfAborted();
      return text;
    };
    return response;
  };
});

// A reader who was at something that an answer took away goes on from the search, or from the top.
document.addEventListener("htmx:after:swap", () => {
  if (focused?.isConnected !== false) return;
  (document.querySelector("main input[type=search]") ?? document.querySelector("main")).focus({ preventScroll: true });
});

// Another page of the history takes the place of this one: nothing that this one asked for may come in between.
document.addEventListener("htmx:before:history:restore", () => {
  for (const asking of document.querySelectorAll("[data-htmx-powered]")) htmx.trigger(asking, "htmx:abort");
  document.body.setAttribute("hx-ignore", "");
  htmx.process(document.body, true);
});

// In a list, the arrow keys go from one row to the next, from the search field on.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("main input[type=search]");
  const links = [...document.querySelectorAll("#found tbody a, #found li a")];
  const places = [search, ...links];
  const at = places.indexOf(document.activeElement);
  if (!search || at < 0 || !places[at + step]) return;
  event.preventDefault();
  places[at + step].focus();
});
