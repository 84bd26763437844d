// What pages can do beside links and forms. Everything works without it, by hand.

// On a phone the navigation is wider than the page.
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

for (const button of document.querySelectorAll("[data-copy]")) {
  // <button type="button" data-copy="#markdown" hidden>: copies the text of an element.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const from = document.querySelector(button.dataset.copy);
    await navigator.clipboard.writeText(from.value ?? from.textContent);
    const word = button.textContent;
    button.textContent = "Copied";
    document.getElementById("live").textContent = "Copied";
    setTimeout(() => { button.textContent = word; }, 2000);
  });
}

document.addEventListener("change", (event) => {
  const box = event.target;
  // <input type="checkbox" data-all="issue">: ticks every box of that name.
  if (box.matches?.("[data-all]")) {
    for (const one of document.getElementsByName(box.dataset.all)) one.checked = box.checked;
  }
  // <select data-submit>: sends its form at once.
  if (box.matches?.("[data-submit]")) box.form.requestSubmit();
});
