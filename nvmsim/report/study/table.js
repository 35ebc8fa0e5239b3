"use strict";
(() => {
  const NUMBER = /[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?/;
  const value = (row, column, kind) => {
    const text = row.cells[column].textContent;
    if (kind !== "number") return text;
    const found = NUMBER.exec(text);
    return found ? parseFloat(found[0].replaceAll(",", "").replace("−", "-")) : NaN;
  };
  const compare = (a, b, kind) => {
    if (kind !== "number") return a.localeCompare(b, "en", { numeric: true });
    return a - b;
  };

  // A cell without a number stays last, whichever way the column is sorted.
  const sort = (table, head, column) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const kind = head.dataset.kind, body = table.tBodies[0], missing = (v) => v === "" || Number.isNaN(v);
    const keyed = [...body.rows].map((row) => [value(row, column, kind), row]);
    keyed.sort(([a], [b]) => {
      if (missing(a) || missing(b)) return missing(a) - missing(b);
      return down ? compare(b, a, kind) : compare(a, b, kind);
    });
    for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...keyed.map(([, row]) => row));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(table, head, column));
      head.replaceChildren(button);
    });
  }

  const table = document.getElementById("rows"), form = document.getElementById("filters");
  const count = document.getElementById("count");
  if (!table || !form) return;
  const rows = [...table.tBodies[0].rows].map((row) => [row, [...row.cells].map((c) => c.textContent).join(" ").toLowerCase()]);
  const apply = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = [...form.querySelectorAll("select")].filter((one) => one.selectedIndex > 0);
    let shown = 0;
    for (const [row, text] of rows) {
      const fits = words.every((word) => text.includes(word)) &&
        wanted.every((one) => row.cells[one.dataset.column].textContent === one.options[one.selectedIndex].text);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
