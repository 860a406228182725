// What the page does where scripts run. Without them every figure, number and slice is there, and in print as well.
"use strict";

// Marks: pointer, finger or arrow keys show what a point is.
const tip = document.createElement("div");
tip.className = "tip";
tip.setAttribute("role", "status");
tip.hidden = true;
document.body.append(tip);

function show(mark) {
  const box = mark.getBoundingClientRect();
  tip.textContent = mark.querySelector("title").textContent;
  tip.hidden = false;
  const left = box.left + box.width / 2 - tip.offsetWidth / 2;
  tip.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
  const above = box.top - tip.offsetHeight - 4;
  tip.style.top = `${above > 4 ? above : box.bottom + 4}px`;
  clear();
  mark.classList.add("current");
}

function clear() {
  for (const mark of document.querySelectorAll(".marks .current")) mark.classList.remove("current");
}

function hide() { tip.hidden = true; clear(); }

for (const layer of document.querySelectorAll(".marks")) {
  const drawing = layer.closest("svg");
  const shown = () => [...layer.querySelectorAll("circle")].filter(mark => getComputedStyle(mark).display !== "none");
  let current = -1;
  drawing.setAttribute("tabindex", "0");
  drawing.addEventListener("pointerover", event => { if (event.target.matches(".marks circle")) show(event.target); });
  drawing.addEventListener("pointerout", event => { if (event.pointerType === "mouse") hide(); });
  drawing.addEventListener("blur", hide);
  drawing.addEventListener("keydown", event => {
    const marks = shown(), step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (event.key === "Escape") hide();
    if (event.key === "Enter" && marks[current]) marks[current].closest("a")?.dispatchEvent(new MouseEvent("click"));
    if (!step || !marks.length) return;
    event.preventDefault();
    current = current < 0 ? 0 : (current + step + marks.length) % marks.length;
    show(marks[current]);
  });
}
addEventListener("scroll", hide, {passive: true});

// Legends: an entry shows and hides its series, in the figure that it belongs to.
for (const entry of document.querySelectorAll(".keys [data-key]")) {
  const parts = entry.closest("figure").querySelectorAll(`[data-series="${entry.dataset.key}"]`);
  if (!parts.length) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  button.append(...entry.childNodes);
  button.addEventListener("click", () => {
    const visible = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(visible));
    for (const part of parts) part.classList.toggle("off", !visible);
  });
  entry.append(button);
}

// Print: nothing stays folded, and nothing stays switched off.
addEventListener("beforeprint", () => {
  hide();
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    folded.dataset.opened = "";
  }
});
addEventListener("afterprint", () => {
  for (const opened of document.querySelectorAll("details[data-opened]")) {
    opened.open = false;
    delete opened.dataset.opened;
  }
});
