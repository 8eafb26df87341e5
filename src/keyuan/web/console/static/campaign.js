// A dialog that asks is made modal, and fields that are wrong are marked as such when the server has said so. Without
// this file the dialog still asks, and the sentences stand beside the fields.
(() => {
  const dialog = document.querySelector("dialog.ask");
  if (dialog) {
    dialog.removeAttribute("open");
    dialog.showModal();
    dialog.addEventListener("cancel", () => { location.href = dialog.querySelector("a").href; });
  }
  document.addEventListener("htmx:after:swap", () => {
    for (const fault of document.querySelectorAll(".fault")) {
      const field = document.getElementById(fault.id.replace("-fault", ""));
      if (fault.textContent.trim()) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  });
})();
