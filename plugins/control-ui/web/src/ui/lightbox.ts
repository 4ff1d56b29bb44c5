// A picture as large as the window, with the way to save it. The browser's dialog keeps the focus and closes by Escape.
import { html, render } from "lit";
import { icon } from "./icons";

/** Shows it until it is closed. */
export async function showPicture(src: string, name: string): Promise<void> {
  let closed = () => {};
  const end = new Promise<void>((done) => (closed = done));
  const dialog = document.createElement("dialog");
  dialog.className = "lightbox";
  dialog.setAttribute("aria-label", name);
  const close = () => {
    dialog.close();
    dialog.remove();
    closed();
  };
  dialog.addEventListener("cancel", (event) => (event.preventDefault(), close()));
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) close();
  });
  render(
    html`<div class="head">
        <span class="clip grow">${name}</span>
        <a class="btn quiet" href=${src} download=${name}>Save</a>
        <button class="btn quiet icon-only" aria-label="Close" autofocus @click=${close}>${icon("close")}</button>
      </div>
      <img src=${src} alt=${name} />`,
    dialog,
  );
  document.body.append(dialog);
  dialog.showModal();
  await end;
}
