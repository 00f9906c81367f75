/* The theme's pages have no main landmark, by which screen readers reach the content. */
addEventListener("DOMContentLoaded", () => {
  (document.getElementById("main") ?? document.getElementById("page"))?.setAttribute("role", "main");
});
