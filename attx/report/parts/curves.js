// Curves as SVG.
const short = (value) => (value === null || value === undefined ? "" : value.toFixed(3).replace(/^(-?)0\./, "$1."));

function stroke(look) {
  return { style: `--colour: ${look.colour}`, "stroke-dasharray": look.dash };
}

function swatch(look) {
  const icon = make("svg", { class: "swatch", viewBox: "0 0 35 11", "aria-hidden": "true" });
  icon.append(make("path", { d: "M1 5.5H34", ...stroke(look) }));
  return icon;
}

function chart(axis, series, at, width) {
  const height = Math.round(Math.min(300, Math.max(210, width * 0.6)));
  const [left, right, top, bottom] = [40, 20, 12, 40];
  const values = series.flatMap((each) => each.points).filter((value) => value !== null);
  const low = Math.min(0, ...values);
  const high = Math.max(low + 1e-6, ...values, Math.min(1, Math.max(...values) * 1.05));
  const x = (share) => left + share * (width - left - right);
  const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const label = `${axis.name}: ${series.map((each) => each.method).join(", ")}. The table below has values.`;
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const value of ticks(low, high)) {
    svg.append(make("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    svg.append(make("text", { x: left - 7, y: y(value) + 4, "text-anchor": "end" }, String(+value.toFixed(3)).replace(/^(-?)0\./, "$1.")));
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(make("text", { x: x(share), y: height - bottom + 18, "text-anchor": "middle" }, `${100 * share}%`));
  }
  svg.append(make("text", { x: x(0.5), y: height - 4, "text-anchor": "middle" }, axis.x));
  for (const { look, points } of series) {
    const steps = points.map((value, i) => (value === null ? "" : `${i ? "L" : "M"}${x(i / (points.length - 1 || 1)).toFixed(1)} ${y(value).toFixed(1)}`));
    svg.append(make("path", { d: steps.join(""), ...stroke(look) }));
  }
  svg.append(make("line", { class: "rule", x1: x(at), x2: x(at), y1: top, y2: height - bottom }));
  const share = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.min(1, Math.max(0, (((event.clientX - box.left) / box.width) * width - left) / (width - left - right)));
  };
  const figure = make("figure", { class: "chart" }, make("figcaption", {}, axis.name), svg);
  return { figure, svg, share, rule: one(".rule", svg), x };
}

function ticks(low, high) {
  const raw = (high - low) / 4;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * unit).find((each) => each >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) found.push(value);
  return found;
}
