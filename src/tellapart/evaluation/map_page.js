// The map's page: `told` stands before this. Everything is drawn on one canvas; nothing is asked of any server.
"use strict";
const canvas = document.getElementById("map"), pen = canvas.getContext("2d"), about = document.getElementById("about");
const n = told.files.length, xy = new Uint16Array(Uint8Array.from(atob(told.xy), c => c.charCodeAt(0)).buffer);
const shown = new Uint8Array(n).fill(1), pictures = told.sheets.map(source => Object.assign(new Image(), {src: source}));
const CELLS = 96, grid = Array.from({length: CELLS * CELLS}, () => []);  // images by where they stand, to find the nearest
const cell = v => Math.min(CELLS - 1, Math.floor(v / 65536 * CELLS));
for (let i = 0; i < n; i++) grid[cell(xy[2 * i + 1]) * CELLS + cell(xy[2 * i])].push(i);
const order = [...Array(n).keys()];  // shuffled, so that no class lies on top of all others
let seed = 1;
for (let i = n - 1; i > 0; i--) {
  seed = (seed * 48271) % 2147483647;
  const j = seed % (i + 1);
  [order[i], order[j]] = [order[j], order[i]];
}
if (told.new.length) order.sort((a, b) => told.new[a] - told.new[b]);
let scale = 1, left = 0, top_ = 0, chosen = -1, waiting = false;  // px = unit * scale + left
let thumb = 0, size = [0, 0];  // px: of a thumbnail, where thumbnails are shown; of the canvas

const px = i => xy[2 * i] / 65535 * scale + left, py = i => (1 - xy[2 * i + 1] / 65535) * scale + top_;
const css = property => getComputedStyle(document.documentElement).getPropertyValue(property).trim();

function whole() {
  const {clientWidth: w, clientHeight: h} = canvas;
  let low = [65535, 65535], high = [0, 0];
  for (let i = 0; i < n; i++) for (const a of [0, 1]) {
    low[a] = Math.min(low[a], xy[2 * i + a]);
    high[a] = Math.max(high[a], xy[2 * i + a]);
  }
  const span = [(high[0] - low[0]) / 65535 || 1, (high[1] - low[1]) / 65535 || 1];
  scale = Math.min((w - 60) / span[0], (h - 60) / span[1]);
  left = (w - (high[0] + low[0]) / 65535 * scale) / 2;
  top_ = (h - (2 - (high[1] + low[1]) / 65535) * scale) / 2;
  redraw();
}

function redraw() {
  if (!waiting) { waiting = true; requestAnimationFrame(draw); }
}

function draw() {
  waiting = false;
  const {clientWidth: w, clientHeight: h} = canvas, ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(h * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, w, h);
  const inside = order.filter(i => shown[i] && px(i) > -40 && px(i) < w + 40 && py(i) > -40 && py(i) < h + 40);
  const radius = Math.max(1.5, Math.min(6, 90 / Math.sqrt(n) * Math.sqrt(scale / Math.min(w, h))));
  if (inside.length <= 250) {
    const side = thumb = Math.max(20, Math.min(64, 0.7 * Math.sqrt(w * h / (inside.length || 1))));
    for (const i of inside) {
      thumbnail(pen, i, px(i) - side / 2, py(i) - side / 2, side);
      pen.strokeStyle = told.colours[told.of[i]];
      pen.lineWidth = 2;
      pen.strokeRect(px(i) - side / 2, py(i) - side / 2, side, side);
    }
  } else {
    thumb = 0;
    for (const i of inside) {
      const late = told.new.length && told.new[i];
      pen.fillStyle = told.new.length && !late ? "#9aa4af" : told.colours[told.of[i]];
      pen.beginPath();
      pen.arc(px(i), py(i), late ? radius + 4 : radius, 0, 7);
      pen.fill();
      if (late) { pen.strokeStyle = css("--text"); pen.lineWidth = 1.5; pen.stroke(); }
    }
  }
  if (chosen >= 0 && shown[chosen]) {
    pen.strokeStyle = css("--text");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(px(chosen), py(chosen), radius + 6, 0, 7);
    pen.stroke();
  }
}

function thumbnail(where, i, x, y, side) {
  const picture = pictures[Math.floor(i / 4096)], at = i % 4096, own = told.side;
  if (picture && picture.complete && picture.naturalWidth)
    where.drawImage(picture, at % 64 * own, Math.floor(at / 64) * own, own, own, x, y, side, side);
}

function nearest(x, y) {
  const u = (x - left) / scale * 65535, v = (1 - (y - top_) / scale) * 65535, reach = Math.max(12, thumb / 2) / scale * 65535;
  let best = -1, least = reach * reach;
  const first = a => Math.max(0, cell(Math.max(0, a - reach))), last = a => Math.max(0, cell(Math.min(65535, a + reach)));
  for (let row = first(v); row <= last(v); row++) for (let column = first(u); column <= last(u); column++)
    for (const i of grid[row * CELLS + column]) {
      const away = (xy[2 * i] - u) ** 2 + (xy[2 * i + 1] - v) ** 2;
      if (shown[i] && away < least) { least = away; best = i; }
    }
  return best;
}

function choose(i) {
  if (i === chosen) return;
  chosen = i;
  if (i >= 0) {
    const picture = Object.assign(document.createElement("canvas"), {width: 128, height: 128});
    const side = picture.getContext("2d");
    side.imageSmoothingQuality = "high";
    thumbnail(side, i, 0, 0, 128);
    const label = document.createElement("b"), file = document.createElement("div");
    label.textContent = told.names[told.of[i]] + (told.part[i] < 0 ? "" : " · " + told.parts[told.part[i]]);
    file.textContent = told.files[i];
    about.replaceChildren(picture, label, file);
  }
  redraw();
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const before = scale;
  scale = Math.max(50, Math.min(1e6, scale * factor));
  left = x - (x - left) * scale / before;
  top_ = y - (y - top_) * scale / before;
  redraw();
}

const fingers = new Map();
canvas.addEventListener("pointerdown", event => {
  if (event.button) return;
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
});
canvas.addEventListener("pointermove", event => {
  if (!event.buttons) fingers.delete(event.pointerId);
  const now = [event.offsetX, event.offsetY], before = fingers.get(event.pointerId);
  if (!before) return choose(nearest(...now));
  const other = [...fingers].find(([id]) => id !== event.pointerId);
  if (other) {
    const away = ([x, y]) => Math.hypot(x - other[1][0], y - other[1][1]);
    zoom(away(now) / Math.max(1, away(before)), (now[0] + other[1][0]) / 2, (now[1] + other[1][1]) / 2);
  } else {
    left += now[0] - before[0];
    top_ += now[1] - before[1];
    redraw();
  }
  fingers.set(event.pointerId, now);
});
for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, event => {
  fingers.delete(event.pointerId);
  choose(nearest(event.offsetX, event.offsetY));
});
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
}, {passive: false});
canvas.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;  // the browser's own
  const step = 60, move = {ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step]};
  const key = event.key.toLowerCase();
  if (move[event.key]) { left += move[event.key][0]; top_ += move[event.key][1]; redraw(); }
  else if (key === "+" || key === "=") zoom(1.3);
  else if (key === "-") zoom(1 / 1.3);
  else if (key === "0") whole();
  else if (key === "n" || key === "p") {
    for (let count = 1; count <= n; count++) {
      const i = ((chosen < 0 ? (key === "n" ? -1 : 0) : chosen) + (key === "n" ? count : n - count) + n) % n;
      if (!shown[i]) continue;
      choose(i);
      const {clientWidth: w, clientHeight: h} = canvas;  // brought into view
      if (px(i) < 0 || px(i) > w) left += w / 2 - px(i);
      if (py(i) < 0 || py(i) > h) top_ += h / 2 - py(i);
      break;
    }
  } else return;
  event.preventDefault();
});
document.getElementById("in").addEventListener("click", () => zoom(1.5));
document.getElementById("out").addEventListener("click", () => zoom(1 / 1.5));
document.getElementById("whole").addEventListener("click", whole);

const boxes = [...document.querySelectorAll("input[data-of]")], parts = [...document.querySelectorAll("input[data-part]")];
function filter() {
  const of = boxes.map(box => box.checked), part = parts.map(box => box.checked);
  for (let i = 0; i < n; i++) shown[i] = of[told.of[i]] && (told.part[i] < 0 || part[told.part[i]]) ? 1 : 0;
  redraw();
}
for (const box of [...boxes, ...parts]) box.addEventListener("change", filter);
document.getElementById("toggle").addEventListener("click", () => {
  const on = boxes.every(box => !box.checked);
  for (const box of boxes) box.checked = on;
  filter();
});
for (const picture of pictures) picture.addEventListener("load", redraw);
filter();
window.addEventListener("pageshow", filter);  // by now the browser has brought back what was ticked before
new ResizeObserver(() => {
  const now = [canvas.clientWidth, canvas.clientHeight];
  if (!size[0]) whole();
  else { left += (now[0] - size[0]) / 2; top_ += (now[1] - size[1]) / 2; redraw(); }
  size = now;
}).observe(canvas);
