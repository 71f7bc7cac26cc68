// The decoder in the page: from codes to rows in their own units, layer by layer as the plan has them.

const SELU = [1.0507009873554805, 1.6732632423543772];
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const between = (x, low, high) => Math.min(Math.max(x, low), high);

// Abramowitz and Stegun, 7.1.26: off by less than 1.5e-7.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const y = 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

const ACTIVATIONS = {
  relu: (x) => Math.max(x, 0),
  relu6: (x) => between(x, 0, 6),
  leaky_relu: (x) => (x < 0 ? 0.2 * x : x),
  elu: (x) => (x < 0 ? Math.expm1(x) : x),
  celu: (x) => (x < 0 ? Math.expm1(x) : x),
  selu: (x) => SELU[0] * (x < 0 ? SELU[1] * Math.expm1(x) : x),
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  silu: (x) => x * sigmoid(x),
  tanh: Math.tanh,
  tanh_shrink: (x) => x - Math.tanh(x),
  sigmoid,
  log_sigmoid: (x) => -softplus(-x),
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  exponential: Math.exp,
  hard_sigmoid: (x) => between(x / 6 + 0.5, 0, 1),
  hard_silu: (x) => x * between(x / 6 + 0.5, 0, 1),
  hard_tanh: (x) => between(x, -1, 1),
  mish: (x) => x * Math.tanh(softplus(x)),
};
ACTIVATIONS.swish = ACTIVATIONS.silu;
ACTIVATIONS.hard_swish = ACTIVATIONS.hard_silu;

function activate(values, name, channels) {
  if (!name || name === "linear") return values;
  if (name === "softmax") return softmax(values, channels);
  const apply = ACTIVATIONS[name];
  for (let i = 0; i < values.length; i++) values[i] = apply(values[i]);
  return values;
}

function softmax(values, channels) {
  for (let start = 0; start < values.length; start += channels) {
    const part = values.subarray(start, start + channels);
    const most = part.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (let i = 0; i < channels; i++) sum += part[i] = Math.exp(part[i] - most);
    for (let i = 0; i < channels; i++) part[i] /= sum;
  }
  return values;
}

function addProduct(out, x, kernel) {
  const units = out.length;
  for (let i = 0; i < x.length; i++) {
    const value = x[i];
    if (value === 0) continue;
    const start = i * units;
    for (let u = 0; u < units; u++) out[u] += value * kernel[start + u];
  }
  return out;
}

// Zeros before an image, where as many as "same" asks for lie around it.
const padding = (inputs, outputs, size, strides) => Math.floor(Math.max((outputs - 1) * strides + size - inputs, 0) / 2);

function convolve(x, [height, width, inputs], { size, strides, units }, kernel, bias) {
  const rows = Math.ceil(height / strides), columns = Math.ceil(width / strides);
  const above = padding(height, rows, size, strides), before = padding(width, columns, size, strides);
  const out = new Float32Array(rows * columns * units);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const target = (row * columns + column) * units;
      for (let u = 0; u < units; u++) out[target + u] = bias[u];
      for (let ky = 0; ky < size; ky++) {
        const y = row * strides + ky - above;
        if (y < 0 || y >= height) continue;
        for (let kx = 0; kx < size; kx++) {
          const place = column * strides + kx - before;
          if (place < 0 || place >= width) continue;
          for (let i = 0; i < inputs; i++) {
            const value = x[(y * width + place) * inputs + i];
            if (value === 0) continue;
            const start = ((ky * size + kx) * inputs + i) * units;
            for (let u = 0; u < units; u++) out[target + u] += value * kernel[start + u];
          }
        }
      }
    }
  }
  return [out, [rows, columns, units]];
}

// The transpose: what each input pixel adds to the output. Its kernel has units before inputs.
function convolveBack(x, [height, width, inputs], { size, strides, units }, kernel, bias) {
  const rows = height * strides, columns = width * strides;
  const above = padding(rows, height, size, strides), before = padding(columns, width, size, strides);
  const out = new Float32Array(rows * columns * units);
  for (let i = 0; i < out.length; i += units) out.set(bias, i);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const source = (row * width + column) * inputs;
      for (let ky = 0; ky < size; ky++) {
        const y = row * strides + ky - above;
        if (y < 0 || y >= rows) continue;
        for (let kx = 0; kx < size; kx++) {
          const place = column * strides + kx - before;
          if (place < 0 || place >= columns) continue;
          for (let u = 0; u < units; u++) {
            const start = ((ky * size + kx) * units + u) * inputs;
            let sum = 0;
            for (let i = 0; i < inputs; i++) sum += x[source + i] * kernel[start + i];
            out[(y * columns + place) * units + u] += sum;
          }
        }
      }
    }
  }
  return [out, [rows, columns, units]];
}

function pool(x, [height, width, channels], size) {
  const rows = Math.ceil(height / size), columns = Math.ceil(width / size);
  const above = padding(height, rows, size, size), before = padding(width, columns, size, size);
  const out = new Float32Array(rows * columns * channels).fill(-Infinity);
  for (let y = 0; y < height; y++) {
    for (let place = 0; place < width; place++) {
      const target = (Math.floor((y + above) / size) * columns + Math.floor((place + before) / size)) * channels;
      for (let c = 0; c < channels; c++) {
        out[target + c] = Math.max(out[target + c], x[(y * width + place) * channels + c]);
      }
    }
  }
  return [out, [rows, columns, channels]];
}

function upsample(x, [height, width, channels], size) {
  const out = new Float32Array(x.length * size * size), columns = width * size;
  for (let y = 0; y < height * size; y++) {
    for (let place = 0; place < columns; place++) {
      const source = (Math.floor(y / size) * width + Math.floor(place / size)) * channels;
      for (let c = 0; c < channels; c++) out[(y * columns + place) * channels + c] = x[source + c];
    }
  }
  return [out, [height * size, columns, channels]];
}

function crop(x, [height, width, channels], rows, columns) {
  const kept = [height - rows, width - columns, channels];
  const out = new Float32Array(kept[0] * kept[1] * channels);
  for (let y = 0; y < kept[0]; y++) out.set(x.subarray(y * width * channels, (y * width + kept[1]) * channels), y * kept[1] * channels);
  return [out, kept];
}

function byChannel(x, channels, factor, bias) {
  const out = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) out[i] = x[i] * factor[i % channels] + bias[i % channels];
  return out;
}

// Make a function from a code to a row in its own units.
function makeDecoder(spec, arrays) {
  const of = (layer, part) => arrays[`${layer.name}/${part}`];
  const steps = {
    dense: (x, shape, layer) => [addProduct(Float32Array.from(of(layer, "bias")), x, of(layer, "kernel")), [layer.units]],
    linear_path: (x, shape, layer, start) => [addProduct(Float32Array.from(x), start, of(layer, "kernel")), shape],
    affine_path: (x, shape, layer, start) => {
      const out = addProduct(Float32Array.from(x), start, of(layer, "kernel")), bias = of(layer, "bias");
      for (let i = 0; i < out.length; i++) out[i] += bias[i];
      return [out, shape];
    },
    batch_normalization: (x, shape, layer) => [byChannel(x, shape[shape.length - 1], of(layer, "factor"), of(layer, "bias")), shape],
    activation: (x, shape) => [Float32Array.from(x), shape],
    reshape: (x, shape, layer) => [x, layer.shape],
    flatten: (x) => [x, [x.length]],
    conv: (x, shape, layer) => convolve(x, shape, layer, of(layer, "kernel"), of(layer, "bias")),
    transposed_conv: (x, shape, layer) => convolveBack(x, shape, layer, of(layer, "kernel"), of(layer, "bias")),
    max_pooling: (x, shape, layer) => pool(x, shape, layer.size),
    upsampling: (x, shape, layer) => upsample(x, shape, layer.size),
    cropping: (x, shape, layer) => crop(x, shape, layer.rows, layer.columns),
  };
  return (code) => {
    const start = Float32Array.from(code);
    let x = start, shape = [start.length];
    for (const layer of spec.layers) {
      [x, shape] = steps[layer.kind](x, shape, layer, start);
      activate(x, layer.activation, shape[shape.length - 1]);
    }
    x = activate(x === start ? Float32Array.from(x) : x, spec.activation, shape[shape.length - 1]);
    const spread = arrays["decoder/spread"], shift = arrays["decoder/shift"];
    if (spread) for (let i = 0; i < x.length; i++) x[i] = x[i] * spread[i] + shift[i];
    return x;
  };
}

// Make a function from a place to a row, between the four decoded places around it: for networks that have no plan.
function makeInterpolation({ low, high, size, features }, read, words) {
  return (place) => {
    const [across, up] = place.map((value, axis) => between(((value - low[axis]) / (high[axis] - low[axis])) * (size - 1), 0, size - 1));
    const column = Math.min(Math.floor(across), size - 2), line = Math.min(Math.floor(up), size - 2);
    const right = across - column, above = up - line, out = new Float32Array(features);
    for (const [dy, dx, share] of [[0, 0, (1 - above) * (1 - right)], [0, 1, (1 - above) * right], [1, 0, above * (1 - right)], [1, 1, above * right]]) {
      const row = read((line + dy) * size + column + dx);
      for (let i = 0; i < features; i++) out[i] += share * row[i];
    }
    if (!words) return out;
    const nearest = read(Math.round(up) * size + Math.round(across)); // between two categories there is none
    for (let i = 0; i < features; i++) if (words[i] && words[i].names) out[i] = nearest[i];
    return out;
  };
}
