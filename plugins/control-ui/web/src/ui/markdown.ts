// Markdown from models and strangers, as markup that runs nothing.
//
// Three walls: HTML in the text is shown as text; what the library makes is cleaned; and the page's policy runs no script
// that is not a file of the page. Pictures of other servers are links: looking at a message tells nobody.
import DOMPurify from "dompurify";
import { Marked, type Tokens } from "marked";
import { html, type TemplateResult } from "lit";
import { highlight } from "./highlight";

const REMEMBERED = 400;
const known = new Map<string, TrustedHTML>();

const escaped: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (text: string) => text.replace(/[&<>"']/g, (char) => escaped[char] ?? char);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escape(text),
    image: ({ href, text }: Tokens.Image) =>
      href.startsWith("data:image/") ? `<img src="${escape(href)}" alt="${escape(text)}">` : `<a href="${escape(href)}">${escape(text || href)}</a>`,
    code: ({ text, lang }: Tokens.Code) => {
      const name = (lang ?? "").match(/^[\w+#.-]{1,24}/)?.[0] ?? "";
      return `<div class="code"><div class="code-head"><span>${escape(name || "text")}</span><button type="button" class="btn quiet small" data-copy>Copy</button></div><pre tabindex="0"><code>${highlight(text, name)}</code></pre></div>`;
    },
  },
});

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** The clean markup. */
export function clean(text: string): TrustedHTML {
  const found = known.get(text);
  if (found) return found;
  const markup = DOMPurify.sanitize(marked.parse(text, { async: false }), {
    ALLOWED_TAGS: ["a", "b", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"],
    ALLOWED_ATTR: ["align", "alt", "checked", "class", "colspan", "data-copy", "disabled", "href", "rel", "rowspan", "src", "start", "tabindex", "target", "title", "type"],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|data:image\/(?:png|jpe?g|gif|webp);)/i,
    // these hold no address, and would be measured as one
    ADD_URI_SAFE_ATTR: ["align", "colspan", "rowspan", "start", "tabindex", "type"],
    ALLOW_DATA_ATTR: false,
    RETURN_TRUSTED_TYPE: true,
  }) as unknown as TrustedHTML;
  if (known.size >= REMEMBERED) known.delete(known.keys().next().value ?? "");
  known.set(text, markup);
  return markup;
}

export function markdown(text: string): TemplateResult {
  return html`<div class="md" .innerHTML=${clean(text)} @click=${copy}></div>`;
}

async function copy(event: Event): Promise<void> {
  const button = (event.target as Element).closest<HTMLButtonElement>("button[data-copy]");
  if (!button) return;
  const text = button.closest(".code")?.querySelector("pre")?.textContent ?? "";
  const done = await copyText(text);
  button.textContent = done ? "Copied" : "Copying failed";
  setTimeout(() => (button.textContent = "Copy"), 1_800);
}

/** Puts text on the clipboard, also where the browser has no clipboard for pages without TLS. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
