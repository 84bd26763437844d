// Keyboard navigation: j and k go through the rows of a list, Enter opens one, / searches,
// g and a letter goes to a page, ? shows all of this and can switch it off.

const KEEP = "steadfast-keys";
const ROWS = "[data-row] a[href]";
let leading = false;

function isOn() {
  try { return localStorage.getItem(KEEP) !== "off"; } catch { return true; }
}

function pages() {
  const found = new Map();
  for (const link of document.querySelectorAll("header nav a")) {
    const letter = [...link.textContent.trim().toLowerCase()].find((one) => !found.has(one));
    if (letter) found.set(letter, link);
  }
  return found;
}

function move(by) {
  const links = [...new Map([...document.querySelectorAll(ROWS)]
    .map((link) => [link.closest("[data-row]"), link]).reverse()).values()].reverse();
  if (!links.length) return;
  const row = document.activeElement?.closest("[data-row]");
  const at = links.findIndex((link) => link.closest("[data-row]") === row);
  const next = links[Math.min(Math.max(at + by, 0), links.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function help() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Keys");
  const list = document.createElement("dl");
  list.className = "pairs";
  const rows = [["j, k", "next and previous row"], ["/", "search"], ["?", "this help"]];
  for (const [letter, link] of pages()) rows.push([`g ${letter}`, link.textContent]);
  for (const [keys, what] of rows) {
    const term = document.createElement("dt"), text = document.createElement("dd");
    const key = document.createElement("kbd");
    key.textContent = keys;
    term.append(key);
    text.textContent = what;
    list.append(term, text);
  }
  const label = document.createElement("label"), box = document.createElement("input");
  label.className = "inline";
  box.type = "checkbox";
  box.checked = isOn();
  box.addEventListener("change", () => {
    try { localStorage.setItem(KEEP, box.checked ? "on" : "off"); } catch { /* private */ }
  });
  label.append(box, " Use these keys");
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(list, label, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function pressed(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog")) return;
  if (target.matches("input:not([type=checkbox]), select, textarea") || !isOn()) return;
  if (leading) {
    leading = false;
    const link = pages().get(key);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  if (key === "g") leading = true;
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "?") help();
  else if (key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
}

document.addEventListener("keydown", pressed);
for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", help);
}
