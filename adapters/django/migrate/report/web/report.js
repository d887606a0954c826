// Filters the table of routes, and opens what is folded before the page is printed. Without it all is readable.
"use strict";
(() => {
  const form = document.getElementById("filter");
  if (form) {
    const text = document.getElementById("filter-text");
    const lane = document.getElementById("filter-lane"); // Flask's applications have one, and no such field
    const found = document.getElementById("filter-found");
    const count = document.getElementById("filter-count");
    const rows = [...document.querySelectorAll("#route-table tbody tr")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const matches = { "": () => true, any: (level) => level, none: (level) => !level, error: (level) => level === "error" };

    const filter = () => {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        const fits =
          words.every((word) => texts[index].includes(word)) &&
          (!lane?.value || row.dataset.lane === lane.value) &&
          matches[found.value](row.dataset.found);
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      count.textContent = `${shown} of ${rows.length}`;
    };

    const show = () => {
      const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (row && row.hidden) {
        form.reset();
        filter();
        row.scrollIntoView();
      }
    };

    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", show);
    filter();
  }

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((each) => (each.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((each) => (each.open = false)));
})();
