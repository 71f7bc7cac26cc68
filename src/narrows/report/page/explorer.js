// The explorer: points to look at, a ring whose place is decoded, rows beside their reconstruction, and a selection to take away.

const LISTED = 200;
const MOST_SLIDERS = 64;
const $ = (id) => document.getElementById(id);

// From places to codes and on to rows.
function makeModel(spec, arrays, points, frame) {
  const width = arrays.codes.length / points.x.length;
  const codeOfRow = (row) => arrays.codes.slice(row * width, (row + 1) * width);
  const decode = spec.decoder ? makeDecoder(spec.decoder, arrays) : null;
  const interpolate = spec.grid ? makeInterpolation(spec.grid, makeReader(arrays, "grid", spec.grid.features), spec.words) : null;
  return {
    width,
    codeOfRow,
    codeAt(place) {
      if (spec.kind === "code") return Float32Array.from(place);
      if (spec.kind === "line") return Float32Array.of(place[0]);
      const code = new Float32Array(width), near = nearestTo(points, frame.inside(place), spec.around);
      const shares = near.map(([, distance]) => 1 / Math.max(distance, 1e-18)), sum = shares.reduce((a, b) => a + b, 0);
      near.forEach(([row], at) => {
        for (let i = 0; i < width; i++) code[i] += (shares[at] / sum) * arrays.codes[row * width + i];
      });
      return code;
    },
    rowOf: (code, place) => (decode ? decode(code) : interpolate(place)),
    sliders: Boolean(decode) || spec.kind === "code",
  };
}

// What the ring shows: its place, its code by sliders, and the row that lives there.
function makeProbe(spec, arrays, model, frame, scatter) {
  const ring = $("probe"), sliders = [], axes = spec.kind === "line" ? 1 : 2;
  let place = frame.outside([0, 0]), code = null, placed = true, waiting = false, draws = 0;
  const show = () => {
    waiting = false;
    showRows($("probe-row"), ["decoded here"], [model.rowOf(code, place)], spec);
    sliders.forEach(({ input, output }, i) => {
      input.value = code[i];
      output.textContent = digits(code[i]);
    });
    $("probe-place").textContent = placed ? `at ${place.slice(0, axes).map(digits).join(", ")}` : "set by hand: the code is no place on the map";
    ring.dataset.code = JSON.stringify(Array.from(code));
    ring.dataset.place = JSON.stringify(place);
    ring.dataset.draws = ++draws;
  };
  const later = () => {
    if (!waiting) requestAnimationFrame(show);
    waiting = true;
  };
  // Out of view it waits at the edge: a focus that nobody sees would scroll the map away.
  const follow = () => {
    const at = scatter.toScreen(frame.inside(place)), box = $("points").getBoundingClientRect();
    const seen = [between(at[0], 0, box.width), between(at[1], 0, box.height)];
    ring.classList.toggle("away", seen[0] !== at[0] || seen[1] !== at[1]);
    ring.style.transform = `translate(${seen[0]}px, ${seen[1]}px)`;
  };
  const set = (values, to) => {
    code = Float32Array.from(values);
    place = to;
    placed = true;
    follow();
    later();
  };
  const go = (to) => set(model.codeAt(to), to);
  makeSliders(spec, arrays, model, sliders, (i, value) => {
    code[i] = value;
    if (spec.kind === "code") place = Array.from(code);
    if (spec.kind === "line") place = [value, place[1]];
    placed = spec.kind === "code" || spec.kind === "line";
    follow();
    later();
  });
  steer(ring, scatter, frame, () => place, go);
  return { go, set, follow };
}

function makeSliders(spec, arrays, model, sliders, moved) {
  if (!model.sliders) return $("sliders").append(element("p", "This network runs outside this page only: its codes cannot be set here."));
  for (let i = 0; i < Math.min(model.width, MOST_SLIDERS); i++) {
    let low = Infinity, high = -Infinity;
    for (let at = i; at < arrays.codes.length; at += model.width) (low = Math.min(low, arrays.codes[at])), (high = Math.max(high, arrays.codes[at]));
    const room = high > low ? 0.1 * (high - low) : 1;
    const input = element("input", "", { type: "range", min: low - room, max: high + room, step: "any", "aria-label": `number ${i} of the code` });
    const output = element("output");
    input.addEventListener("input", () => moved(i, Number(input.value)));
    $("sliders").append(element("span", `z${i}`), input, output);
    sliders.push({ input, output });
  }
}

// Move the ring by pointer and by keys.
function steer(ring, scatter, frame, place, go) {
  const canvas = $("points");
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return frame.outside(scatter.toPoint([between(event.clientX - box.left, 0, box.width), between(event.clientY - box.top, 0, box.height)]));
  };
  ring.addEventListener("pointerdown", (event) => {
    ring.setPointerCapture(event.pointerId);
    event.preventDefault();
    ring.focus({ preventScroll: true });
  });
  ring.addEventListener("pointermove", (event) => ring.hasPointerCapture(event.pointerId) && go(at(event)));
  canvas.addEventListener("dblclick", (event) => go(at(event)));
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  ring.addEventListener("keydown", (event) => {
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const { width, height } = canvas.getBoundingClientRect();
    if (ring.classList.contains("away")) return go(frame.outside(scatter.toPoint([width / 2, height / 2])));
    const share = (event.shiftKey ? 0.05 : 0.01) * scatter.span(); // of what is in view, however far it is zoomed
    go(place().map((value, axis) => value + share * frame.half * way[axis]));
  });
}

// One row beside its reconstruction, with all that is known of it.
function makeRowPanel(spec, arrays, model, read, places, probe) {
  const n = arrays.ids.length, error = spec.columns.findIndex((column) => column.name === "error");
  let current = -1;
  const show = (row) => {
    if (row < 0 || row >= n) return;
    current = row;
    const facts = spec.columns.filter((column) => column.given).map((column) => `${column.name}: ${valueOf(column, arrays, row)}`);
    const name = spec.names ? `${spec.names[row]}, ` : "";
    $("row-facts").textContent = `${name}row ${arrays.ids[row]}${facts.length ? "; " + facts.join("; ") : ""}${error < 0 ? "" : `; error ${valueOf(spec.columns[error], arrays, row)}`}`;
    $("row-number").value = arrays.ids[row];
    showRows($("row-shown"), ["row", "rebuilt"], [read(row), model.rowOf(model.codeOfRow(row), places(row))], spec);
  };
  $("before").addEventListener("click", () => show(current <= 0 ? n - 1 : current - 1));
  $("after").addEventListener("click", () => show((current + 1) % n));
  $("row-number").addEventListener("change", () => {
    const wanted = Number($("row-number").value), row = arrays.ids.indexOf(wanted);
    if (row >= 0) show(row);
    else $("row-facts").textContent = `Row ${wanted} is not on this page.`;
  });
  $("take").addEventListener("click", () => current >= 0 && probe.set(model.codeOfRow(current), places(current)));
  return show;
}

function valueOf(column, arrays, row) {
  const value = arrays[column.array][row];
  if (column.kind === "kinds") return value < 0 ? "unknown" : column.kinds[value];
  return Number.isFinite(value) ? digits(value) : "unknown";
}

// The selected rows: a list, a file, the clipboard.
function makeSelection(spec, arrays, show, scatter) {
  let rows = [];
  const columns = spec.columns.filter((column) => column.given || column.name === "error");
  const cells = (row) => [String(arrays.ids[row]), ...(spec.names ? [spec.names[row]] : []), ...columns.map((column) => valueOf(column, arrays, row))];
  const titles = ["row", ...(spec.names ? ["name"] : []), ...columns.map((column) => column.name)];
  const take = (chosen) => {
    rows = Array.from(chosen).sort((a, b) => a - b);
    const n = rows.length;
    $("selection-facts").textContent = n ? `${n.toLocaleString("en")} row${n === 1 ? "" : "s"}${n > LISTED ? `, the first ${LISTED} below` : ""}.` : "No rows are selected.";
    for (const id of ["export", "copy", "clear"]) $(id).disabled = !n;
    $("selection").replaceChildren(...(n ? [makeTable(titles, rows.slice(0, LISTED).map(cells))] : []));
    if (n === 1) show(rows[0]);
  };
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  $("export").addEventListener("click", () => {
    const text = [titles, ...rows.map(cells)].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
    const link = element("a", "", { download: "rows.csv", href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  $("copy").addEventListener("click", async () => {
    const text = rows.map((row) => arrays.ids[row]).join("\n");
    try {
      await navigator.clipboard.writeText(text);
      $("selection-facts").textContent = `${rows.length.toLocaleString("en")} row numbers are copied.`;
    } catch {
      const area = element("textarea", text, { readonly: "", rows: "6", "aria-label": "Row numbers, to be copied" });
      $("selection").replaceChildren(area);
      area.select();
    }
  });
  $("clear").addEventListener("click", () => {
    scatter().select([]);
    take([]);
  });
  return take;
}

function showLegend(column, { palette, kinds, low, high, numbers }) {
  const legend = $("legend"), entry = (color, text) => {
    const made = element("span"), dot = element("i");
    dot.style.background = color;
    made.append(dot, text);
    return made;
  };
  const unknown = numbers.includes(palette.length - 1) ? [entry(UNKNOWN, "unknown")] : [];
  if (kinds) return legend.replaceChildren(element("span", `${column.name}:`), ...kinds.map((kind, place) => entry(palette[place], kind)), ...unknown);
  const scale = element("i", "", { class: "scale" }), made = element("span");
  scale.style.background = `linear-gradient(90deg, ${VIRIDIS.join(",")})`;
  made.append(`${column.name}: ${digits(low)} `, scale, ` ${digits(high)}`);
  legend.replaceChildren(made, ...unknown);
}

async function explore() {
  const spec = JSON.parse($("spec").textContent);
  const arrays = await unpack($("arrays").textContent, spec.arrays);
  const frame = makeFrame(arrays.places), points = makePoints(arrays.places, frame);
  const places = (row) => [arrays.places[2 * row], arrays.places[2 * row + 1]];
  const model = makeModel(spec, arrays, points, frame), read = makeReader(arrays, "rows", spec.rows.features);
  const later = { over: () => {}, select: () => {}, view: () => {} };
  const scatter = makeScatter($("points"), points, {
    over: (row) => later.over(row),
    select: (rows) => later.select(rows),
    view: () => later.view(),
    notice: (text) => Object.assign($("notice"), { hidden: false, textContent: text }),
  });
  const probe = makeProbe(spec, arrays, model, frame, scatter);
  later.view = probe.follow;
  later.over = makeRowPanel(spec, arrays, model, read, places, probe);
  later.select = makeSelection(spec, arrays, later.over, () => scatter);
  let painted = null, painting = Promise.resolve();
  const paint = () => {
    const column = spec.columns[$("color").value];
    painted = coloring(column, arrays[column.array], spec.palettes, $("safe").checked);
    showLegend(column, painted);
    return (painting = painting.then(() => scatter.color(painted)));
  };
  $("color").addEventListener("change", paint);
  $("safe").addEventListener("change", paint);
  $("home").addEventListener("click", () => scatter.home());
  $("lasso").addEventListener("click", () => {
    const on = $("lasso").getAttribute("aria-pressed") !== "true";
    $("lasso").setAttribute("aria-pressed", on);
    scatter.lasso(on);
  });
  addEventListener("beforeprint", () => {
    const still = document.createElement("canvas");
    drawStill(still, points, painted, 1200, "#ffffff");
    Object.assign($("printed"), { src: still.toDataURL(), hidden: false });
  });
  await paint();
  probe.go(places(nearestTo(points, [0, 0], 1)[0][0]));
  requestAnimationFrame(() => (document.documentElement.dataset.ready = performance.now().toFixed(0))); // with the first picture
}

explore().catch((problem) => {
  Object.assign($("notice"), { hidden: false, textContent: `The explorer could not start: ${problem.message}` });
  throw problem;
});
