// Shows log lines as they come: latest first, a bounded number, and not while paused.

const MOST = 500;
const list = document.querySelector("#lines[data-tail]");
const tools = document.querySelector("[data-tools]");
const pause = document.querySelector("[data-pause]");
const state = document.querySelector("[data-state]");
let held = [];

function part(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

function row(line) {
  const item = document.createElement("li"), time = document.createElement("time");
  item.dataset.level = line.level;
  time.dateTime = line.timestamp;
  time.textContent = line.time;
  item.append(time, " ", part("level", line.level), " ", part("event", line.event));
  for (const [name, value] of line.fields) item.append(" ", part("field", `${name}=`), value);
  if (line.request_id) {
    const link = document.createElement("a");
    link.href = list.dataset.request + encodeURIComponent(line.request_id);
    link.textContent = line.request_id.slice(-8);
    link.title = `Lines of request ${line.request_id}`;
    item.append(" ", link);
  }
  return item;
}

function show(lines) {
  document.getElementById("none")?.remove();
  list.prepend(...lines.map(row).reverse());
  while (list.children.length > MOST) list.lastElementChild.remove();
}

function isPaused() {
  return pause.getAttribute("aria-pressed") === "true";
}

if (list && tools) {
  tools.hidden = false;
  list.addEventListener("tail", ({ detail }) => {
    if (!isPaused()) { show(detail); return; }
    held = [...held, ...detail].slice(-MOST);
    state.textContent = `${held.length} new`;
  });
  pause.addEventListener("click", () => {
    const paused = !isPaused();
    pause.setAttribute("aria-pressed", String(paused));
    state.textContent = paused ? "Paused" : "Live";
    if (!paused) { show(held); held = []; }
  });
}
