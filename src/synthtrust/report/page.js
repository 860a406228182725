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

// Slices: wheel, slider, arrow keys, or a finger moved sideways.
for (const viewer of document.querySelectorAll(".viewer")) {
  const bar = viewer.querySelector(".slider");
  if (!bar) continue;
  const last = Number(viewer.dataset.slices) - 1;
  const slider = bar.querySelector("input"), output = bar.querySelector("output");
  const heights = slider.dataset.heights.split(" ");
  const go = place => {
    const bounded = Math.max(0, Math.min(last, place));
    slider.value = bounded;
    slider.setAttribute("aria-valuetext", `slice ${heights[bounded]}`);
    output.value = `${heights[bounded]} (${bounded + 1} of ${last + 1})`;
    for (const image of viewer.querySelectorAll("img")) image.style.objectPosition = `0 ${100 * bounded / last}%`;
    for (const use of viewer.querySelectorAll("use")) use.setAttribute("href", `#${use.dataset.outlines}-${bounded}`);
    return bounded;
  };
  const step = by => go(Number(slider.value) + by);
  // Whoever scrolls past with a resting pointer scrolls the page; a pointer that was moved here scrolls the slices.
  let moved = false, turned = 0, start = null;
  viewer.addEventListener("pointermove", event => { moved = moved || event.movementX !== 0 || event.movementY !== 0; });
  viewer.addEventListener("pointerleave", () => { moved = false; });
  addEventListener("scroll", () => { moved = false; }, {passive: true});
  for (const image of viewer.querySelectorAll(".image")) {
    image.addEventListener("wheel", event => {
      const place = Number(slider.value), down = event.deltaY > 0;
      if (!moved || event.ctrlKey || !event.deltaY || place === (down ? last : 0)) return;
      event.preventDefault();
      turned += event.deltaMode ? Math.sign(event.deltaY) * 40 : event.deltaY;  // touchpads send many small turns
      if (Math.abs(turned) < 40) return;
      turned = 0;
      step(down ? 1 : -1);
    }, {passive: false});
    image.addEventListener("pointerdown", event => { start = {x: event.clientX, place: Number(slider.value)}; });
    image.addEventListener("pointermove", event => {
      if (start && event.buttons) go(start.place + Math.round((event.clientX - start.x) / 12));
    });
  }
  slider.addEventListener("input", () => go(Number(slider.value)));
  addEventListener("beforeprint", () => go(Number(viewer.dataset.first)));
  bar.hidden = false;
  step(0);
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
