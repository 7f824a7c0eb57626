// Sorting and filtering of tables.
function sortable(table) {
  const heads = all("thead th", table);
  const status = one(`.tools[data-for="${CSS.escape(table.id)}"] .status`);
  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      for (const body of table.tBodies) sort(body, column, down);
      status.textContent = `Sorted by ${button.textContent}, ${down ? "falling" : "rising"}.`;
    });
  });
}

function sort(body, column, down) {
  const key = (row) => {
    const { sort: number } = row.cells[column].dataset;
    return number === undefined ? row.cells[column].textContent.trim() : Number(number);
  };
  const empty = (value) => value === "" || value === "–";
  const rows = all("tr:not(.title)", body).map((row) => [key(row), row]);
  rows.sort(([a], [b]) => {
    if (empty(a) || empty(b)) return empty(a) - empty(b); // what is missing comes last, either way
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return down ? -order : order;
  });
  body.append(...rows.map(([, row]) => row));
}

function filterable(tools) {
  const table = document.getElementById(tools.dataset.for);
  const rows = all("tbody tr:not(.title)", table);
  const [input, status] = [one("input", tools), one(".status", tools)];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    for (const body of table.tBodies) body.hidden = !all("tr:not(.title)", body).some((row) => !row.hidden);
    status.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  tools.hidden = false;
  if (rows.length < 9) one("label", tools).hidden = true;
}
