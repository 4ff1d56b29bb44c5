// The editor of CodeMirror in the page's colours. A module of its own, so that only who edits loads it.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { HighlightStyle, bracketMatching, foldGutter, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName], color: "var(--info)" },
  { tag: [tags.string], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--accent-ink)" },
  { tag: [tags.comment], color: "var(--ink-3)", fontStyle: "italic" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "transparent", color: "var(--ink)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  ".cm-content": { padding: "12px 0", caretColor: "var(--accent)" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink-3)", border: "none", paddingLeft: "6px" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--hover) 60%, transparent)" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 22%, transparent) !important" },
  ".cm-matchingBracket": { backgroundColor: "var(--hover)", outline: "1px solid var(--line-2)" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-textfield, .cm-button": { background: "var(--surface)", border: "1px solid var(--line-2)", borderRadius: "6px", color: "var(--ink)" },
});

/** Tab indents here, so whoever has no pointer is told how to get out. */
export const attributes = (label: string) => ({ "aria-label": label, "aria-description": "Tab indents. Escape, then Tab, leaves the editor." });

export function makeEditor(root: ShadowRoot, text: string, language: "json" | "text", label: string, typed: (text: string) => void): EditorView {
  const host = new CSSStyleSheet();
  host.replaceSync(":host { display: flex; min-height: 0; } .cm-editor { flex: 1; min-width: 0; }");
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        ...(language === "json" ? [json(), foldGutter()] : [EditorView.lineWrapping]),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        search({ top: true }),
        keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
        syntaxHighlighting(colours),
        theme,
        EditorView.contentAttributes.of(attributes(label)),
        EditorView.updateListener.of((update) => update.docChanged && typed(update.state.doc.toString())),
      ],
    }),
  });
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, host];
  return view;
}
