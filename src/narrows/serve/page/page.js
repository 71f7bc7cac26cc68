"use strict";
// One page for people: rows go to the server as they are, and what comes back is drawn. Nothing of a file is put into the page as HTML.
const $ = (id) => document.getElementById(id);
const TYPES = { csv: "text/csv", npy: "application/x-npy", arrow: "application/vnd.apache.arrow.stream",
                arrows: "application/vnd.apache.arrow.stream", feather: "application/vnd.apache.arrow.stream" };
const TILES = 11;
const state = { token: "", models: [], model: null, rows: null, found: null, reach: 0, tiles: null, sent: 0 };

class Refused extends Error {}

async function ask(path, body, type) {
  const headers = { Accept: "application/json" };
  if (state.token) headers.Authorization = `Bearer ${state.token}`;
  if (body !== undefined) headers["Content-Type"] = type || "application/json";
  const response = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body });
  const said = await response.json().catch(() => ({}));
  if (response.status === 401) { $("door").hidden = false; $("room").hidden = true; }
  if (!response.ok) throw new Refused(said.error || `the server answered ${response.status}`);
  return said;
}

function route(word) { return `/models/${encodeURIComponent(state.model.name)}/${word}`; }

function tell(problem) {
  $("message").hidden = !problem;
  $("message").textContent = problem ? problem.message : "";
}

async function open() {
  state.models = (await ask("/")).models;
  $("door").hidden = true;
  $("room").hidden = false;
  $("model").replaceChildren(...state.models.map((model) => new Option(model.name)));
  choose();
}

function choose() {
  state.model = state.models[$("model").selectedIndex] || state.models[0];
  Object.assign(state, { rows: null, found: null, reach: 0, tiles: null });
  const { n_features, n_components, image_shape, estimator } = state.model;
  const shape = image_shape ? `images of ${image_shape.join("×")}` : `rows of ${n_features} numbers`;
  $("about").textContent = `${estimator}: ${shape}, codes of ${n_components}`;
  $("drawing").hidden = !(image_shape && image_shape[2] === 1 && image_shape[0] <= 64 && image_shape[1] <= 64);
  $("pictures").hidden = !image_shape;
  $("mapped").hidden = true;
  $("found").hidden = $("which").hidden = true;
  clear();
  document.documentElement.dataset.ready = "yes";
}

// Rows that were sent are asked for what can be shown of them; an answer that was overtaken is not shown.
async function send(body, type, rows) {
  const turn = ++state.sent;
  try {
    const words = ["encode", "reconstruct", ...(state.model.predicts ? ["predict"] : []), ...(state.model.threshold ? ["score"] : [])];
    const answers = await Promise.all(words.map((word) => ask(route(word), body, type)));
    if (turn !== state.sent) return;
    state.rows = rows;
    state.found = Object.assign({}, ...answers);
    tell(null);
    $("count").textContent = state.found.codes.length.toLocaleString("en");
    $("row").max = state.found.codes.length;
    $("row").value = 1;
    $("which").hidden = state.found.codes.length < 2;
    show();
    await map(turn);
    document.documentElement.dataset.shown = String(turn);
  } catch (problem) { if (turn === state.sent) tell(problem); }
}

function show() {
  const n = state.found.codes.length;
  const row = Math.min(Math.max(1, Math.floor($("row").value) || 1), n) - 1;
  const code = state.found.codes[row], rebuilt = state.found.reconstruction[row], given = state.rows && state.rows[row];
  const most = Math.max(...state.found.codes.flat().map(Math.abs), 1e-9);
  $("code").replaceChildren(...code.slice(0, 200).map((value, place) => {
    const line = document.createElement("li"), meter = document.createElement("meter");
    Object.assign(meter, { min: -most, max: most, value });
    line.append(`z${place}`, text("span", number(value)), meter);
    return line;
  }));
  $("code").dataset.code = JSON.stringify(code);
  const { image_shape, feature_names, predicts, training_error } = state.model;
  $("images").hidden = !image_shape;
  $("columns").hidden = Boolean(image_shape);
  if (image_shape) {
    picture($("rebuilt"), rebuilt);
    $("given").parentElement.hidden = !given;
    if (given) picture($("given"), given);
  } else {
    $("columns").tBodies[0].replaceChildren(...rebuilt.slice(0, 500).map((value, place) => {
      const line = document.createElement("tr");
      line.append(text("td", feature_names ? feature_names[place] : `x${place}`), text("td", given ? number(given[place]) : ""),
                  text("td", number(value)));
      return line;
    }));
  }
  $("predicted").hidden = !predicts;
  if (predicts === "probabilities") {
    const share = Math.max(...state.found.probabilities[row]);
    $("predicted").textContent = `Predicted: ${state.found.predicted[row]} (${Math.round(100 * share)} %)`;
  } else if (predicts) $("predicted").textContent = `Predicted: ${state.found.prediction[row].map(number).join(", ")}`;
  const outlier = state.found.outliers ? (state.found.outliers[row] ? ": an outlier" : ": no outlier") : "";
  const usual = training_error ? `; ${number(training_error)} is usual` : "";
  $("error").textContent = `Error ${number(state.found.errors[row])}${outlier}${usual}`;
  $("found").hidden = false;
}

function text(tag, content) {
  const made = document.createElement(tag);
  made.textContent = content;
  return made;
}

function number(value) { return value === null ? "not finite" : Number(value.toPrecision(4)).toString(); }

function pixels(values) {
  const [height, width, channels] = state.model.image_shape, [low, high] = state.model.value_range;
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[place * channels + Math.min(channel, channels - 1)];
      image.data[4 * place + channel] = 255 * (value - low) / (high - low);
    }
    image.data[4 * place + 3] = 255;
  }
  return image;
}

function picture(canvas, values) {
  const image = pixels(values);
  Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// The map: codes of two numbers as points. Of images, what the decoder makes of the plane lies behind them.
async function map(turn) {
  $("mapped").hidden = state.model.n_components !== 2;
  if (state.model.n_components !== 2) return;
  const reach = 1.15 * Math.max(...state.found.codes.flat().map((value) => Math.abs(value)), 1e-6);
  if (reach > state.reach || !state.tiles) {
    state.reach = Math.max(reach, state.reach);
    state.tiles = null;
    if (state.model.image_shape) {
      const steps = [...Array(TILES).keys()].map((place) => state.reach * ((2 * place + 1) / TILES - 1));
      const codes = steps.flatMap((up) => steps.map((across) => [across, -up]));
      const rows = (await ask(route("decode"), JSON.stringify({ codes }))).rows;
      if (turn !== state.sent) return;
      state.tiles = await Promise.all(rows.map((row) => createImageBitmap(pixels(row))));
    }
  }
  plot();
}

function plot() {
  const canvas = $("map"), context = canvas.getContext("2d"), size = canvas.width, tile = size / TILES;
  context.clearRect(0, 0, size, size);
  context.globalAlpha = 0.55;
  (state.tiles || []).forEach((image, place) => {
    context.drawImage(image, (place % TILES) * tile, Math.floor(place / TILES) * tile, tile, tile);
  });
  context.globalAlpha = 1;
  context.strokeStyle = "#8886";
  context.beginPath();
  context.moveTo(size / 2, 0); context.lineTo(size / 2, size); context.moveTo(0, size / 2); context.lineTo(size, size / 2);
  context.stroke();
  const at = ([across, up]) => [size / 2 * (1 + across / state.reach), size / 2 * (1 - up / state.reach)];
  const point = (code, radius, color) => {
    context.beginPath();
    context.arc(...at(code), radius, 0, 2 * Math.PI);
    context.fillStyle = color;
    context.fill();
  };
  state.found.codes.forEach((code) => point(code, 2, "#ff7f0e"));
  const row = Math.min(Math.max(1, Math.floor($("row").value) || 1), state.found.codes.length) - 1;
  point(state.found.codes[row], 7, "#fff");
  point(state.found.codes[row], 5, "#d62728");
  $("place").textContent = `This row is at ${state.found.codes[row].map(number).join(", ")}.`;
  canvas.dataset.at = JSON.stringify(at(state.found.codes[row]));
}

async function take(file) {
  if (!file) return;
  try {
    const ending = file.name.toLowerCase().split(".").pop();
    if (TYPES[ending]) await send(await file.arrayBuffer(), TYPES[ending], null);
    else if (state.model.image_shape && /^image\/(png|jpeg)$/.test(file.type)) await row(await createImageBitmap(file));
    else throw new Refused("files of this kind are not read here: take CSV, .npy or Arrow");
  } catch (problem) { tell(problem); }
}

// A picture as a row: its pixels, in the units that the model knows.
function row(image) {
  const [height, width, channels] = state.model.image_shape, [low, high] = state.model.value_range;
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const data = context.getImageData(0, 0, width, height).data, values = [];
  for (let place = 0; place < width * height; place++) {
    const rgb = [0, 1, 2].map((channel) => data[4 * place + channel] * data[4 * place + 3] / 255);
    const shown = channels === 1 ? [0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]] : rgb.slice(0, channels);
    values.push(...shown.map((value) => low + (high - low) * value / 255));
  }
  return send(JSON.stringify({ rows: [values] }), "application/json", [values]);
}

const pad = $("pad"), pen = pad.getContext("2d", { willReadFrequently: true });
let stroke = null;

function clear() {
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, pad.width, pad.height);
}

function draw(event) {
  if (!stroke) return;
  const box = pad.getBoundingClientRect();
  const to = [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
  Object.assign(pen, { strokeStyle: "#fff", lineWidth: 18, lineCap: "round", lineJoin: "round" });
  pen.beginPath();
  pen.moveTo(...stroke);
  pen.lineTo(...to);
  pen.stroke();
  stroke = to;
}

// Digits of MNIST fill some 20 of 28 pixels, in the middle: what is drawn is moved and scaled to that.
function centered() {
  const { width, height } = pad, data = pen.getImageData(0, 0, width, height).data;
  let left = width, right = 0, top = height, bottom = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[4 * (y * width + x)] > 20) {
        left = Math.min(left, x); right = Math.max(right, x + 1); top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
      }
    }
  }
  const made = Object.assign(document.createElement("canvas"), { width, height }), context = made.getContext("2d");
  context.fillRect(0, 0, width, height);
  if (right > left) {
    const scale = 0.72 * Math.min(width, height) / Math.max(right - left, bottom - top);
    const w = scale * (right - left), h = scale * (bottom - top);
    context.drawImage(pad, left, top, right - left, bottom - top, (width - w) / 2, (height - h) / 2, w, h);
  }
  return made;
}

pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  const box = pad.getBoundingClientRect();
  stroke = [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
  draw(event);
});
pad.addEventListener("pointermove", draw);
pad.addEventListener("pointerup", () => { if (stroke) { stroke = null; row(centered()); } });
$("clear").addEventListener("click", clear);
$("model").addEventListener("change", choose);
$("row").addEventListener("input", () => { if (state.found) { show(); if (state.model.n_components === 2) plot(); } });
$("file").addEventListener("change", (event) => take(event.target.files[0]));
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}
$("door").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = $("token").value;
  tell(null);
  open().catch(tell);
});
open().catch((problem) => { if ($("door").hidden) tell(problem); document.documentElement.dataset.ready = "yes"; });
