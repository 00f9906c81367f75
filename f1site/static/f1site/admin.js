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
