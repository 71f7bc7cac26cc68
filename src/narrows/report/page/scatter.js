// The plane: points by WebGL where there is some, else on a plain canvas without zoom.

const VIRIDIS = [
  "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
];
const UNKNOWN = "#9aa3a8";
const STEPS = 64;

const channelsOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
function viridis(share) {
  const at = between(share, 0, 1) * (VIRIDIS.length - 1), low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const [a, b] = [VIRIDIS[low], VIRIDIS[low + 1]].map(channelsOf);
  return "#" + a.map((value, c) => Math.round(value + (b[c] - value) * (at - low)).toString(16).padStart(2, "0")).join("");
}

// Give each row's color as a number of a palette, with what a legend needs.
function coloring(column, values, palettes, safe) {
  if (column.kind === "kinds") {
    const base = safe || column.kinds.length > palettes.tab10.length ? palettes.safe : palettes.tab10;
    const palette = [...column.kinds.map((_, place) => base[place % base.length]), UNKNOWN];
    return { palette, numbers: Float32Array.from(values, (kind) => (kind < 0 ? column.kinds.length : kind)), kinds: column.kinds };
  }
  const sorted = values.filter(Number.isFinite).sort();
  const low = sorted[Math.floor(0.01 * (sorted.length - 1))] ?? 0, high = sorted[Math.ceil(0.99 * (sorted.length - 1))] ?? 1;
  const palette = [...Array.from({ length: STEPS }, (_, step) => viridis(step / (STEPS - 1))), UNKNOWN];
  const share = (value) => (high > low ? between((value - low) / (high - low), 0, 1) : 0.5);
  return { palette, numbers: Float32Array.from(values, (v) => (Number.isFinite(v) ? Math.round(share(v) * (STEPS - 1)) : STEPS)), low, high };
}

// Bring places into [-1, 1], both axes alike.
function makeFrame(places) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (let i = 0; i < places.length; i++) {
    low[i % 2] = Math.min(low[i % 2], places[i]);
    high[i % 2] = Math.max(high[i % 2], places[i]);
  }
  const middle = low.map((value, axis) => (value + high[axis]) / 2);
  const half = Math.max(high[0] - low[0], high[1] - low[1], 1e-12) / 2 / 0.94;
  return {
    half,
    inside: (place) => place.map((value, axis) => (value - middle[axis]) / half),
    outside: (point) => point.map((value, axis) => value * half + middle[axis]),
  };
}

function makePoints(places, frame) {
  const n = places.length / 2, x = new Float32Array(n), y = new Float32Array(n);
  for (let i = 0; i < n; i++) [x[i], y[i]] = frame.inside([places[2 * i], places[2 * i + 1]]);
  return { x, y };
}

const radius = (n) => between(160 / Math.sqrt(n), 1.2, 4);
const paper = () => getComputedStyle(document.documentElement).getPropertyValue("--plane").trim() || "#ffffff";

// Draw all points as they lie without zoom.
function drawStill(canvas, { x, y }, { palette, numbers }, side, background = paper()) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d"), size = (radius(x.length) * side) / 600;
  context.fillStyle = background;
  context.fillRect(0, 0, side, side);
  for (let i = 0; i < x.length; i++) {
    context.fillStyle = palette[numbers[i]];
    context.beginPath();
    context.arc(((x[i] + 1) / 2) * side, ((1 - y[i]) / 2) * side, size, 0, 7);
    context.fill();
  }
}

// Both scatters have: color(coloring), toScreen(point), toPoint(screen), span() in view, lasso(on), select(rows), home(); points lie in [-1, 1].
function makeScatter(canvas, points, on) {
  try {
    return makeWebGLScatter(canvas, points, on);
  } catch {
    on.notice("Your browser draws no WebGL: the map stays whole, without zoom.");
    return makePlainScatter(canvas, points, on);
  }
}

function makeWebGLScatter(canvas, { x, y }, on) {
  const n = x.length, many = n > 20000;
  const plot = reglScatterplot.default({
    canvas, width: "auto", height: "auto", aspectRatio: 1, backgroundColor: paper(), colorBy: "valueA", pointSize: 2 * radius(n), opacity: many ? 0.6 : 0.85,
    pointSizeSelected: 2, pointOutlineWidth: 1, lassoColor: "#0b8a92", lassoMinDelay: 5, showReticle: false, deselectOnDblClick: false, deselectOnEscape: true, spatialIndexUseWorker: false,
  });
  plot.subscribe("pointover", on.over);
  plot.subscribe("select", ({ points }) => on.select(points));
  plot.subscribe("deselect", () => on.select([]));
  plot.subscribe("view", on.view);
  const matrix = () => plot.get("cameraView"), box = () => canvas.getBoundingClientRect();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.set({ backgroundColor: paper() }));
  new ResizeObserver(() => on.view()).observe(canvas);
  return {
    async color({ palette, numbers }) {
      plot.set({ pointColor: palette, pointColorActive: palette.map(() => "#d11d6b"), pointColorHover: palette.map(() => "#d11d6b") });
      await plot.draw({ x, y, valueA: numbers }, { zDataType: "categorical", preventFilterReset: true });
    },
    toScreen([px, py]) {
      const m = matrix(), { width, height } = box();
      const across = ((m[0] * px + m[4] * py + m[12]) * height) / width, up = m[1] * px + m[5] * py + m[13];
      return [((across + 1) / 2) * width, ((1 - up) / 2) * height];
    },
    toPoint([sx, sy]) {
      const m = matrix(), { width, height } = box();
      const across = (((sx / width) * 2 - 1) * width) / height - m[12], up = 1 - (sy / height) * 2 - m[13];
      const determinant = m[0] * m[5] - m[4] * m[1];
      return [(m[5] * across - m[4] * up) / determinant, (m[0] * up - m[1] * across) / determinant];
    },
    span: () => 2 / Math.hypot(matrix()[0], matrix()[1]),
    lasso: (active) => plot.set({ mouseMode: active ? "lasso" : "panZoom" }),
    select: (rows) => (rows.length ? plot.select(rows, { preventEvent: true }) : plot.deselect({ preventEvent: true })),
    home: () => plot.reset(),
  };
}

function makePlainScatter(canvas, points, on) {
  let painted = null, path = null, lassoing = false, chosen = [];
  const box = () => canvas.getBoundingClientRect();
  const toScreen = ([px, py]) => [((px + 1) / 2) * box().width, ((1 - py) / 2) * box().height];
  const toPoint = ([sx, sy]) => [(sx / box().width) * 2 - 1, 1 - (sy / box().height) * 2];
  const at = (event) => toPoint([event.clientX - box().left, event.clientY - box().top]);
  const draw = () => {
    if (!painted) return;
    drawStill(canvas, points, painted, Math.max(1, Math.round(box().width * devicePixelRatio)));
    const context = canvas.getContext("2d"), side = canvas.width, place = (x, y) => [((x + 1) / 2) * side, ((1 - y) / 2) * side];
    context.strokeStyle = "#d11d6b";
    for (const row of chosen) {
      context.beginPath();
      context.arc(...place(points.x[row], points.y[row]), 4 * devicePixelRatio, 0, 7);
      context.stroke();
    }
    if (path) {
      context.beginPath();
      for (const point of path) context.lineTo(...place(...point));
      context.stroke();
    }
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (lassoing || event.shiftKey) path = [at(event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (path) {
      path.push(at(event));
      draw();
      return;
    }
    const row = nearestTo(points, at(event), 1)[0][0], [sx, sy] = toScreen([points.x[row], points.y[row]]);
    if (Math.hypot(sx - event.clientX + box().left, sy - event.clientY + box().top) < 12) on.over(row);
  });
  canvas.addEventListener("pointerup", () => {
    if (!path) return;
    const around = path;
    path = null;
    chosen = [...points.x.keys()].filter((row) => within(around, points.x[row], points.y[row]));
    draw();
    on.select(chosen);
  });
  new ResizeObserver(() => (draw(), on.view())).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return {
    async color(coloring) {
      painted = coloring;
      draw();
    },
    toScreen,
    toPoint,
    span: () => 2,
    lasso: (active) => (lassoing = active),
    select: (rows) => ((chosen = rows), draw()),
    home: () => {},
  };
}

function within(path, x, y) {
  let inside = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [ax, ay] = path[i], [bx, by] = path[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// The k rows nearest to a point, each with its squared distance, nearest first.
function nearestTo({ x, y }, [px, py], k) {
  const found = [];
  for (let i = 0; i < x.length; i++) {
    const distance = (x[i] - px) ** 2 + (y[i] - py) ** 2;
    if (found.length === k && distance >= found[k - 1][1]) continue;
    let at = found.length;
    while (at > 0 && found[at - 1][1] > distance) at--;
    found.splice(at, 0, [i, distance]);
    if (found.length > k) found.pop();
  }
  return found;
}
