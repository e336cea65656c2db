"use strict";
// Everything works without it but filters, colours of YAML, and the light on the connections of a box.

const canvas = document.querySelector(".canvas");
const told = document.getElementById("told");
const hint = told?.firstElementChild;

function choose(key) {
  canvas.classList.toggle("choosing", Boolean(key));
  const near = new Set([key]);
  for (const wire of canvas.querySelectorAll(".wire")) {
    const touches = wire.dataset.from === key || wire.dataset.to === key;
    wire.classList.toggle("lit", touches);
    if (touches) near.add(wire.dataset.from).add(wire.dataset.to);
  }
  for (const box of canvas.querySelectorAll(".box")) {
    box.classList.toggle("lit", near.has(box.dataset.box));
    box.classList.toggle("chosen", box.dataset.box === key);
  }
  told.replaceChildren(...(key ? [...document.getElementById(key).childNodes].map((node) => node.cloneNode(true)) : [hint]));
}

if (canvas) {
  let kept = null;
  canvas.scrollTop = canvas.querySelector(".lane").getBBox().y - canvas.clientHeight / 3; // where the users come in
  for (const box of canvas.querySelectorAll(".box")) {
    const key = box.dataset.box;
    box.addEventListener("pointerenter", () => choose(key));
    box.addEventListener("pointerleave", () => choose(kept));
    box.addEventListener("focus", () => choose(kept = key));
    box.addEventListener("click", (event) => {
      event.preventDefault();
      choose(kept = key);
    });
  }
  canvas.addEventListener("click", (event) => {
    if (!event.target.closest(".box")) choose(kept = null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") choose(kept = null);
  });
}

for (const filters of document.querySelectorAll(".filters")) filters.hidden = false;

for (const input of document.querySelectorAll("input[data-severity]")) {
  input.addEventListener("change", () => {
    for (const row of document.querySelectorAll(`tr[data-severity="${input.dataset.severity}"]`)) row.hidden = !input.checked;
  });
}

const filter = document.getElementById("filter");
const objects = [...document.querySelectorAll(".object")];
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const object of objects) {
    object.hidden = !words.every((word) => object.dataset.words.includes(word));
    count += !object.hidden;
  }
  document.getElementById("matches").textContent = words.length ? `${count} of ${objects.length}` : "";
});

function colour(pre) {
  const parts = [];
  for (const line of pre.textContent.split("\n")) {
    const [, before, key, rest] = line.match(/^(\s*(?:- )*)([\w./-]+:)(?=\s|$)(.*)$/) ?? [];
    if (!key) {
      parts.push(`${line}\n`);
      continue;
    }
    const span = document.createElement("span");
    span.className = "key";
    span.textContent = key;
    parts.push(before, span, `${rest}\n`);
  }
  pre.replaceChildren(...parts);
}

function copying(pre) {
  const button = document.createElement("button");
  const text = pre.textContent;
  button.className = "copy";
  button.textContent = "copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  });
  return button;
}

document.getElementById("objects").addEventListener("toggle", (event) => {
  const pre = event.target.querySelector("pre.yaml");
  if (!event.target.open || !pre || pre.dataset.ready) return;
  pre.dataset.ready = "yes";
  const button = copying(pre);
  colour(pre);
  pre.prepend(button);
}, true);

function opened() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target?.closest("details");
  if (!details) return;
  details.hidden = false;
  details.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", opened);
opened();
