// Keeps open, on the health page, what somebody has opened, when the list is renewed.

const open = new Set();

document.addEventListener("toggle", ({ target }) => {
  if (!target.matches?.("details[id]")) return;
  if (target.open) open.add(target.id);
  else open.delete(target.id);
}, true);

document.addEventListener("renewed", () => {
  for (const id of [...open]) {
    const one = document.getElementById(id);
    if (one) one.open = true;
  }
});
