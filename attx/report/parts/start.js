// Figures made large, the place in the contents, and the start of all.
function enlarging(dialog) {
  const large = one("img", dialog);
  one(".close", dialog).addEventListener("click", () => dialog.close());
  for (const button of all(".enlarge")) {
    button.addEventListener("click", () => {
      const { src, alt } = one(".drawn img", button.closest("article"));
      Object.assign(large, { src, alt });
      dialog.showModal();
    });
  }
}

function current(links) {
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links) link.removeAttribute("aria-current");
      links.find((link) => link.hash === `#${CSS.escape(target.id)}` || link.hash.slice(1) === target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -75% 0px" });
  all("main > section[id], main article[id]").forEach((part) => seen.observe(part));
}

all("table.sortable").forEach(sortable);
all(".tools").forEach(filterable);
all(".gallery").forEach((root) => new Gallery(root));
all(".js").forEach((part) => (part.hidden = false));
enlarging(one("dialog.large"));
current(all("nav a"));
