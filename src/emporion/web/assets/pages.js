// What pages do beyond links and forms. All of them work without it.
"use strict";

// Buttons that do nothing without this script are hidden until it runs.
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;

// What was said once is not said again to whoever reloads, or is given this address.
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

// "/" goes to the search of a page, as in many programs.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const search = document.querySelector("input[type=search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// Forms are sent once, however often a button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// In a list, the arrow keys go from one row to the next, from the search field on.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("input[type=search]");
  const links = [...document.querySelectorAll("#found tbody a")];
  const places = [search, ...links];
  const at = places.indexOf(document.activeElement);
  if (!search || at < 0 || !places[at + step]) return;
  event.preventDefault();
  places[at + step].focus();
});
