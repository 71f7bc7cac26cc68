// Rows of the page: their numbers, and how one is shown, as a picture or as a table.

// Floats of 16 bits as floats of 32. Loops are plain here and below: a callback for each of millions of numbers takes seconds.
function widened(halves) {
  const bits = new Uint32Array(halves.length), out = new Float32Array(bits.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i], sign = (half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 1023;
    if (exponent === 31) bits[i] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent) bits[i] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else out[i] = (half & 0x8000 ? -1 : 1) * fraction * 2 ** -24;
  }
  return out;
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const letters = atob(base64), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

const KINDS = { f4: Float32Array, u1: Uint8Array, u2: Uint16Array, i4: Int32Array, f2: Uint16Array };

// Unpack what the page holds: base64 of compressed bytes, array after array.
async function unpack(text, where) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = await new Response(stream).arrayBuffer(), arrays = {};
  for (const [name, { type, shape, start }] of Object.entries(where)) {
    const kind = KINDS[type], length = shape.reduce((a, b) => a * b, 1);
    const values = new kind(bytes.slice(start, start + length * kind.BYTES_PER_ELEMENT));
    arrays[name] = type === "f2" ? widened(values) : values;
  }
  return arrays;
}

// Give a function from a place among rows in few bits to the row in its own units.
function makeReader(arrays, key, features) {
  const values = arrays[key], low = arrays[`${key}/low`], step = arrays[`${key}/step`], shared = low.length === 1;
  return (place) => {
    const row = new Float32Array(features);
    for (let i = 0; i < features; i++) row[i] = low[shared ? 0 : i] + step[shared ? 0 : i] * values[place * features + i];
    return row;
  };
}

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function drawImage(canvas, row, { height, width, channels, black, white }) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true }), drawn = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) drawn.data[4 * i + c] = Math.round((255 * (row[i * channels + (channels === 3 ? c : 0)] - black)) / (white - black));
    drawn.data[4 * i + 3] = 255;
  }
  context.putImageData(drawn, 0, 0);
}

const digits = (value) => (Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(2) : Number(value.toPrecision(4)).toString());

// A value of a feature in words: of a table's column the name of its category, or the date.
function told(spec, place, value) {
  const words = spec.words && spec.words[place];
  if (!Number.isFinite(value)) return "missing";
  if (words && words.names) return words.names[Math.round(value)] ?? "another";
  if (words && Math.abs(value) < 8.6e12) return new Date(1000 * value).toISOString().replace("T", " ").slice(0, words.date ? 16 : 10);
  return digits(value);
}

function makeTable(titles, lines) {
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const title of titles) head.append(element("th", title, { scope: "col" }));
  for (const [first, ...others] of lines) {
    const line = body.insertRow();
    line.append(element("th", first, { scope: "row" }));
    for (const text of others) line.insertCell().textContent = text;
  }
  return table;
}

// Show rows side by side in a box: pictures under their titles, or one table with a column for each.
function showRows(box, titles, rows, spec) {
  if (spec.image) {
    if (box.querySelectorAll("canvas").length !== rows.length) {
      box.replaceChildren(...rows.map((_, place) => {
        const figure = element("figure");
        figure.append(element("canvas", "", { role: "img" }), element("figcaption", titles[place]));
        return figure;
      }));
    }
    box.querySelectorAll("figure").forEach((figure, place) => {
      figure.lastChild.textContent = titles[place];
      figure.firstChild.setAttribute("aria-label", titles[place]);
      drawImage(figure.firstChild, rows[place], spec.image);
    });
    return;
  }
  const features = spec.features.map((name, place) => [name, ...rows.map((row) => told(spec, place, row[place]))]);
  const holder = element("div", "", { class: "values", tabindex: "0", role: "region", "aria-label": titles.join(" and ") });
  holder.append(makeTable(["feature", ...titles], features));
  const top = box.firstChild ? box.firstChild.scrollTop : 0;
  box.replaceChildren(holder);
  holder.scrollTop = top;
}
