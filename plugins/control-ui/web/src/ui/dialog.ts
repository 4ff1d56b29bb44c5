// Questions that must be answered before something is done. The browser's own dialogs keep the focus inside.
import { html, render, type TemplateResult } from "lit";

export interface Question {
  title: string;
  body: string | TemplateResult;
  action: string;
  danger?: boolean;
  wide?: boolean;
  /** What is still wrong with what was entered; nothing if the action may go on. */
  wrong?(): string | undefined;
}

/** Asks; true if the answer is yes. */
export function confirm(question: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    if (question.wide) dialog.className = "wide";
    dialog.setAttribute("aria-labelledby", "dialog-title");
    const close = (answer: boolean) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const submit = (event: Event) => {
      event.preventDefault();
      const wrong = question.wrong?.();
      if (!wrong) return close(true);
      const said = dialog.querySelector(".said-wrong");
      if (said) said.textContent = wrong;
    };
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), close(false)));
    render(
      html`<form @submit=${submit}>
        <div class="head"><h2 id="dialog-title">${question.title}</h2></div>
        <div class="body">${typeof question.body === "string" ? html`<p class="muted">${question.body}</p>` : question.body}</div>
        <div class="foot">
          <span class="said-wrong wrong-text small grow" role="alert"></span>
          <button type="button" class="btn" @click=${() => close(false)}>Cancel</button>
          <button class="btn ${question.danger ? "danger" : "primary"}" ?autofocus=${!question.danger}>${question.action}</button>
        </div>
      </form>`,
      dialog,
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Asks for one line of text; nothing if the answer is no. */
export async function ask(title: string, label: string, value = "", action = "Save"): Promise<string | undefined> {
  let entered = value;
  const body = html`<div class="field">
    <label for="dialog-value">${label}</label>
    <input id="dialog-value" class="input" autofocus .value=${value} @input=${(event: InputEvent) => (entered = (event.target as HTMLInputElement).value)} />
  </div>`;
  const yes = await confirm({ title, body, action, wrong: () => (entered.trim() ? undefined : "Enter something.") });
  return yes ? entered.trim() : undefined;
}
