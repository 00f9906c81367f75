/* What the theme's pages lack for screen readers: a main landmark, and names of fields that are searched by typing. */
addEventListener("DOMContentLoaded", () => {
  (document.getElementById("main") ?? document.getElementById("page"))?.setAttribute("role", "main");
});

function nameSearchedFields() {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    const name = select.getAttribute("aria-label") ?? select.labels[0]?.textContent.trim();
    const box = select.parentElement.querySelector(".select2-selection");
    if (!name || !box) continue;
    box.removeAttribute("aria-labelledby"); // the chosen value, which is no name, and empty at first
    box.setAttribute("aria-label", name);
    box.querySelector("[role=textbox]")?.setAttribute("aria-label", name);
  }
}
addEventListener("load", () => setTimeout(nameSearchedFields)); // after the scripts that make those fields

/* A dialog takes the focus while it is open and gives it back: the theme leaves it on the page behind. */
addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("modal-content");
  if (!dialog) return;
  let opener = null;
  const follow = () => {
    const open = dialog.checkVisibility();
    if (open === Boolean(opener)) return;
    const from = opener ?? document.activeElement;
    const page = [...document.body.children].find((each) => each.contains(from));
    if (page) page.inert = open;
    opener = open ? from : null;
    if (!open) return from.focus();
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.setAttribute("aria-label", dialog.querySelector("h1")?.textContent.trim() ?? "");
    dialog.querySelector("input:not([type=hidden]), select, textarea, [type=submit]")?.focus();
  };
  new MutationObserver(follow).observe(dialog.parentElement, { attributes: true, attributeFilter: ["style"] });
});
