// The gallery: images and their maps side by side, with the scores and curves of the image.
class Gallery {
  constructor(root) {
    this.root = root;
    this.data = JSON.parse(one("script.data", root).textContent);
    this.form = one("form", root);
    this.initial = all("[name=method]:checked", root).map((box) => box.value);
    all(".thumbs img", root).forEach((img, i) => {
      const seen = this.data.models.map((model) => model.seen[i]).find(Boolean);
      if (seen) img.src = seen.src;
    });
    const select = one("[name=scores]", root);
    this.data.scores.forEach((each, i) => select.append(make("option", { value: i }, `${each.metric}, ${each.reading}`)));
    this.form.hidden = false;
    root.classList.add("live");
    one(".read", root).hidden = !this.data.scores.length;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.draw());
    all("[data-pick]", root).forEach((button) => button.addEventListener("click", () => this.pick(button.dataset.pick)));
    select.addEventListener("input", () => this.scores());
    this.at = one(".at input", root);
    this.at.addEventListener("input", () => this.move(this.at.value / 100));
    one(".cards", root).addEventListener("pointermove", (event) => this.cross(event));
    one(".cards", root).addEventListener("pointerleave", () => all(".stack", root).forEach((stack) => stack.classList.remove("cross")));
    new ResizeObserver(() => this.width !== one(".charts", root).clientWidth && this.scores()).observe(one(".charts", root));
    this.draw(true);
  }

  pick(which) {
    for (const box of all("[name=method]", this.root)) box.checked = which === "all" || this.initial.includes(box.value);
    this.draw();
  }

  draw(quiet = false) {
    const chosen = new FormData(this.form);
    const { data, root } = this;
    this.image = Number(chosen.get("image"));
    this.model = data.models[Number(chosen.get("model"))];
    const wanted = chosen.getAll("method");
    this.methods = wanted.map((name) => this.model.methods.find((method) => method.name === name) ?? { name, maps: [] });
    root.dataset.view = chosen.get("view");
    root.dataset.colours = chosen.get("colours");
    root.style.setProperty("--cell", `${chosen.get("size")}rem`);
    const seen = this.model.seen[this.image];
    one(".cards", root).replaceChildren(this.photograph(seen), ...this.methods.map((method) => this.card(seen, method)));
    one(".subject", root).replaceChildren(...this.subject(seen));
    const named = `image ${this.image + 1} of ${data.images.length}, ${seen ? seen.explained : data.images[this.image]}`;
    if (!quiet) one(".status", root).textContent = `Shown: ${named}; ${this.model.name}; ${wanted.length} methods.`;
    this.scores();
  }

  subject(seen) {
    if (!seen) return [`${this.data.images[this.image]}: not seen by ${this.model.name}`];
    const right = seen.label === seen.predicted;
    const sure = `${(100 * seen.probability).toFixed(1)}%`;
    const said = right ? `${this.model.name} says ${seen.predicted} (${sure}), as labelled` : `${this.model.name} says ${seen.predicted} (${sure}); the label is ${seen.label}`;
    return [make("strong", {}, seen.explained || this.data.images[this.image]), `, the class explained. ${said}. `, make("span", { class: "quiet" }, this.data.images[this.image])];
  }

  photograph(seen) {
    const figure = make("figure", { class: "card photograph" }, make("figcaption", {}, "image"));
    if (!seen) return figure;
    figure.append(make("div", { class: "stack" }, sized(make("img", { src: seen.src, alt: `The image ${this.data.images[this.image]}, as ${this.model.name} sees it` }))));
    figure.append(make("p", { class: "facts" }, `as ${this.model.name} sees it`));
    return figure;
  }

  card(seen, method) {
    const map = method.maps[this.image];
    const figure = make("figure", { class: "card", "data-kind": method.signed ? "signed" : "unsigned" }, make("figcaption", {}, method.name));
    if (!map || !seen) {
      figure.append(make("p", { class: "none" }, "no map of this image"));
      return figure;
    }
    const [left, top, half] = map.where;
    const alt = `Map of ${method.name} for ${seen.explained}: centred ${left}% from the left and ${top}% from the top, half of its mass in ${half}% of the pixels`;
    figure.append(make("div", { class: "stack" }, make("img", { class: "photo", src: seen.src, alt: "" }), sized(make("img", { class: "heat", src: map.src, alt }))));
    figure.append(make("p", { class: "facts" }, `half of its mass in ${half}% of the pixels`));
    return figure;
  }

  cross(event) {
    const over = event.target.closest(".stack");
    if (!over) return;
    const box = over.getBoundingClientRect();
    for (const stack of all(".stack", this.root)) {
      stack.classList.add("cross");
      stack.style.setProperty("--x", `${(100 * (event.clientX - box.left)) / box.width}%`);
      stack.style.setProperty("--y", `${(100 * (event.clientY - box.top)) / box.height}%`);
    }
  }

  // Scores and curves of the image, for the methods chosen that the metric has scored.
  scores() {
    const { data, root } = this;
    const chosen = data.scores[Number(one("[name=scores]", root).value || 0)];
    if (!chosen) return;
    const of = (table, method) => table[this.model.name]?.[method.name]?.[this.image];
    const rows = this.methods.map((method) => ({ method: method.name, look: data.looks[method.name], values: of(chosen.values, method), curves: of(chosen.points, method) }));
    const place = one(".charts", root);
    this.width = place.clientWidth;
    const many = Math.min(chosen.curves.length, Math.max(1, Math.floor((this.width + 32) / 416))) || 1;
    const width = Math.max(260, Math.floor((this.width - 32 * (many - 1)) / many));
    this.charts = chosen.curves.map((axis, i) => chart(axis, rows.filter((row) => row.curves).map((row) => ({ ...row, points: row.curves[i] })), this.at.value / 100, width));
    for (const each of this.charts) {
      each.svg.addEventListener("pointermove", (event) => {
        this.at.value = Math.round(100 * each.share(event));
        this.move(this.at.value / 100);
      });
    }
    place.replaceChildren(...this.charts.map((each) => each.figure));
    one(".at", root).hidden = !chosen.curves.length;
    const heads = ["method", ...chosen.columns.map((column) => `${column.name} ${column.way}`), ...chosen.curves.map((axis) => axis.name.replace(/ curve$/, ""))];
    this.heads = heads.slice(1 + chosen.columns.length);
    one(".values thead", root).replaceChildren(make("tr", {}, ...heads.map((text, i) => make("th", { scope: "col", class: i ? "number" : "word" }, text))));
    one(".values tbody", root).replaceChildren(...rows.map((row) => this.row(row, chosen)));
    this.move(this.at.value / 100);
  }

  row({ method, look, values, curves }, chosen) {
    const row = make("tr", {}, make("th", { scope: "row" }, swatch(look), method));
    if (!values) row.append(make("td", { colspan: chosen.columns.length + chosen.curves.length }, "not scored"));
    else row.append(...values.map((value) => make("td", { class: "number" }, short(value))));
    if (values) row.append(...chosen.curves.map((_, i) => Object.assign(make("td", { class: "number curve" }), { points: curves?.[i] ?? [] })));
    return row;
  }

  move(share) {
    const percent = `${Math.round(100 * share)}%`;
    one(".at output", this.root).textContent = percent;
    this.at.setAttribute("aria-valuetext", percent);
    all(".values thead th", this.root).slice(-this.heads.length || Infinity).forEach((head, i) => (head.textContent = `${this.heads[i]} at ${percent}`));
    for (const { rule, x } of this.charts) for (const end of ["x1", "x2"]) rule.setAttribute(end, x(share));
    for (const cell of all(".values .curve", this.root)) cell.textContent = short(cell.points[Math.round(share * (cell.points.length - 1))]);
  }
}

function sized(img) {
  const mark = () => img.classList.toggle("tiny", img.naturalWidth < 100);
  if (img.complete) mark();
  img.addEventListener("load", mark);
  return img;
}
