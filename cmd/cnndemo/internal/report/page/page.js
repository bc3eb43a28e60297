"use strict";
// What needs a script: the number at a pixel, the window that it was made
// from, and keys in an enlarged image. All else is HTML.
(() => {
  document.documentElement.classList.add("js");
  // What is wider than its place says so. Nothing of that class changes a width.
  const boxes = document.querySelectorAll(".scroll,.chart");
  function hint() {
    for (const box of boxes) box.classList.toggle("more", box.scrollWidth > box.clientWidth + 1);
  }
  hint();
  addEventListener("resize", hint);
  document.addEventListener("toggle", hint, true); // of <details>
  const tip = document.getElementById("tip");
  const say = document.getElementById("say");
  const arrays = { uint8: Uint8Array, int16: Int16Array, int32: Int32Array, float32: Float32Array };
  const cache = new Map();

  // numbers decodes a figure's numbers when they are first asked for.
  function numbers(view) {
    if (!view.dataset.format) return null;
    if (!cache.has(view.id)) {
      const bytes = Uint8Array.from(atob(document.getElementById("n-" + view.id).textContent), (c) => c.charCodeAt(0));
      cache.set(view.id, new arrays[view.dataset.format](bytes.buffer));
    }
    return cache.get(view.id);
  }

  // format writes a number in the fewest digits that give the same float32.
  function format(v, kind) {
    if (kind !== "float32") return v.toLocaleString("en-US").replace("-", "−");
    if (!Number.isFinite(v)) return String(v);
    if (Object.is(v, -0)) return "−0";
    for (let digits = 1; digits < 10; digits++) {
      const text = v.toPrecision(digits);
      if (Math.fround(Number(text)) === v) return String(Number(text)).replace("-", "−");
    }
    return String(v);
  }

  const size = (view) => [Number(view.dataset.rows), Number(view.dataset.columns)];

  // value is the text for a pixel: its place and its numbers.
  function value(view, row, column) {
    const place = "row " + row + ", column " + column;
    const data = numbers(view);
    if (!data) return place;
    const channels = Number(view.dataset.channels);
    const at = (row * size(view)[1] + column) * channels;
    const kind = view.dataset.format;
    if (channels === 1) return place + ": " + format(data[at], kind);
    return place + ": " + ["red", "green", "blue"].map((name, i) => name + " " + format(data[at + i], kind)).join(", ");
  }

  // box is where the image lies in its frame, which may be larger.
  function box(view) {
    const frame = view.querySelector("img").getBoundingClientRect();
    const [rows, columns] = size(view);
    const scale = Math.min(frame.width / columns, frame.height / rows);
    return { left: frame.left + (frame.width - scale * columns) / 2, top: frame.top + (frame.height - scale * rows) / 2, scale };
  }

  function pixel(view, x, y) {
    const { left, top, scale } = box(view);
    const [rows, columns] = size(view);
    const row = Math.floor((y - top) / scale), column = Math.floor((x - left) / scale);
    return row >= 0 && row < rows && column >= 0 && column < columns ? [row, column] : null;
  }

  // mark draws a rectangle on a figure, in rows and columns, and a circle
  // round one that is hard to see.
  function mark(view, top, left, height, width) {
    const over = view.querySelector(".over");
    const add = (name, kind, attributes) => {
      const shape = document.createElementNS(over.namespaceURI, name);
      shape.classList.add(kind);
      for (const [key, v] of Object.entries(attributes)) shape.setAttribute(key, v);
      over.append(shape);
    };
    add("rect", "cursor", { x: left, y: top, width, height });
    const { scale } = box(view);
    if (Math.max(width, height) * scale < 14) add("circle", "halo", { cx: left + width / 2, cy: top + height / 2, r: 12 / scale });
    marked.push(view);
  }

  let marked = [];
  function unmark() {
    marked.forEach((view) => view.querySelectorAll(".cursor, .halo").forEach((shape) => shape.remove()));
    marked = [];
  }

  // show marks a pixel and the window of the input that it was made from.
  function show(view, row, column) {
    unmark();
    mark(view, row, column, 1, 1);
    const from = view.dataset.reads && document.getElementById(view.dataset.reads);
    if (from) {
      const [kh, kw, sh, sw, dh, dw, top, left] = view.dataset.window.split(" ").map(Number);
      mark(from, row * sh - top, column * sw - left, (kh - 1) * dh + 1, (kw - 1) * dw + 1);
    }
    return value(view, row, column);
  }

  function hide() {
    unmark();
    tip.hidden = true;
  }

  const viewOf = (target) => target instanceof Element && target.closest(".frame") ? target.closest(".view") : null;

  document.addEventListener("pointermove", (event) => {
    const view = viewOf(event.target);
    const at = view && pixel(view, event.clientX, event.clientY);
    if (!at) return hide();
    const text = show(view, ...at);
    view.querySelector(".value").textContent = text;
    tip.textContent = text.replace(": ", "\n").replaceAll(", ", view.dataset.channels === "3" ? "\n" : ", ").replace(/^(row \d+)\n/, "$1, ");
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8)) + "px";
    tip.style.top = (event.clientY + 18 + height < innerHeight ? event.clientY + 18 : event.clientY - height - 12) + "px";
  });
  document.addEventListener("pointerleave", hide);
  addEventListener("scroll", hide, { passive: true });

  // Enlarging is the fragment's doing (:target), so that it works without
  // this script, and the browser's Back closes.
  const enlarged = () => document.querySelector(".view:target");
  let opener = null, scrolled = 0, reading = null;

  document.addEventListener("click", (event) => {
    const frame = event.target instanceof Element && event.target.closest(".frame");
    if (!frame) return;
    const view = frame.closest(".view");
    if (view === enlarged()) {
      event.preventDefault(); // a second click reads on, it does not jump
      return;
    }
    opener = frame;
    scrolled = scrollY;
  });

  let last = enlarged();
  addEventListener("hashchange", () => {
    hide();
    const view = enlarged();
    if (view) {
      reading = null;
      view.querySelector(".value").textContent = "";
      view.querySelector(".close").focus({ preventScroll: true });
    } else if (last) {
      // Back to where the reader was.
      const to = last.querySelector(".frame");
      if (opener && opener.closest(".image") === last.closest(".image")) scrollTo({ top: scrolled, behavior: "instant" });
      to.focus({ preventScroll: true });
      opener = null;
    }
    last = view;
  });

  document.addEventListener("keydown", (event) => {
    const view = enlarged();
    if (!view || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Escape") {
      event.preventDefault();
      location.replace(view.querySelector(".close").href);
    } else if (event.key === "Tab") {
      // The page behind is covered: keep the focus in what is seen.
      const stops = [...view.querySelectorAll("a")];
      const at = stops.indexOf(document.activeElement);
      event.preventDefault();
      stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length].focus();
    } else if (step && event.shiftKey) {
      event.preventDefault();
      const [rows, columns] = size(view);
      reading = reading ? [(reading[0] + step[0] + rows) % rows, (reading[1] + step[1] + columns) % columns] : [rows >> 1, columns >> 1];
      const text = show(view, ...reading);
      view.querySelector(".value").textContent = text;
      say.textContent = text;
    } else if (step && (step[0] + step[1])) {
      event.preventDefault();
      const to = view.querySelector(step[0] + step[1] > 0 ? ".next" : ".prev");
      if (to) location.replace(to.href);
    }
  });
})();
