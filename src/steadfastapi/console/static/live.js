// Keeps parts of a page up to date.
//
//   <section id="issues" data-live="/ops/api/issues/stream"> … </section>
//
// Each event of that stream loads the page again in the background and puts its element
// of the same id in the place of this one, and with it those that have data-live-with="issues".
// Not while somebody types, selects or has boxes ticked in it: then a button offers to do so.
//
//   <ol id="lines" data-tail="/ops/api/logs/stream"> … </ol>
//
// Each event brings an array; the element gets it as a "tail" event, whose `detail` it is,
// and a script of the page shows it.

const status = document.getElementById("live");
const SOON = 300; // milliseconds in which several changes become one
const controller = new AbortController();
addEventListener("pagehide", () => controller.abort());

function isBusy(part) {
  const active = document.activeElement;
  const typing = part.contains(active) && active.matches("input, select, textarea, button");
  const selection = getSelection();
  const selecting = !selection.isCollapsed && part.contains(selection.anchorNode);
  return typing || selecting || part.querySelector("input[type=checkbox]:checked") !== null;
}

// What stands for an element in its renewed part: of the same id, or the same link.
function same(element, fresh) {
  if (!element) return null;
  if (element.id) return document.getElementById(element.id);
  const href = element.getAttribute("href");
  return [...fresh.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === href);
}

async function renew(id) {
  const answer = await fetch(location.href, {
    headers: { Accept: "text/html" }, redirect: "error", signal: controller.signal,
  });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const part = document.getElementById(id), fresh = page.getElementById(id);
  if (!part || !fresh) return;
  for (const script of fresh.querySelectorAll("script")) script.remove();
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceWith(document.adoptNode(fresh));
  for (const other of document.querySelectorAll(`[data-live-with="${id}"]`)) {
    const another = page.getElementById(other.id);
    if (another && !isBusy(other)) other.replaceWith(document.adoptNode(another));
  }
  same(focused, fresh)?.focus({ preventScroll: true });
  status.textContent = "Updated";
  document.dispatchEvent(new CustomEvent("renewed", { detail: id }));
}

function offer(id) {
  const part = document.getElementById(id);
  if (!part || part.previousElementSibling?.matches("[data-offer]")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "notice";
  button.dataset.offer = "";
  button.textContent = "There is something new: show it";
  button.addEventListener("click", () => { button.remove(); renew(id).catch(() => {}); });
  part.before(button);
  status.textContent = button.textContent;
}

function listen(address, hear) {
  const stream = new EventSource(address);
  stream.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  stream.addEventListener("open", () => document.body.classList.remove("stale"));
  stream.addEventListener("error", () => document.body.classList.add("stale"));
  controller.signal.addEventListener("abort", () => stream.close());
}

for (const { id, dataset } of document.querySelectorAll("[data-live]")) {
  let timer = 0;
  listen(dataset.live, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const part = document.getElementById(id);
      if (part && isBusy(part)) offer(id);
      else renew(id).catch(() => {});
    }, SOON);
  });
}

for (const part of document.querySelectorAll("[data-tail]")) {
  listen(part.dataset.tail, (lines) => {
    part.dispatchEvent(new CustomEvent("tail", { detail: lines }));
  });
}
