// Code in colours: comments, strings, numbers and the common words of common languages. Pure; what comes out is escaped.

/** Longer code is shown plainly. */
const LONGEST = 20_000;

const WORDS =
  "abstract|and|as|async|await|bool|break|case|catch|char|class|const|continue|crate|def|default|defer|del|do|elif|else|enum|export|extends|extern|false|final|finally|float|fn|for|from|func|function|go|if|impl|implements|import|in|instanceof|int|interface|is|lambda|let|long|loop|match|mod|module|move|mut|namespace|new|nil|None|not|null|or|package|pass|private|protected|pub|public|raise|ref|return|select|self|Self|static|string|struct|super|switch|then|this|throw|trait|True|False|true|try|type|typeof|undefined|union|unsafe|use|using|var|virtual|void|where|while|with|yield";
const SHELL = "case|cd|do|done|echo|elif|else|esac|exit|export|fi|for|function|if|in|local|read|return|set|sudo|then|unset|while";
const SQL = "select|from|where|insert|into|values|update|delete|create|table|join|left|right|inner|on|group|by|order|limit|and|or|not|null|as|set|distinct|having|index|primary|key";

const HASH = new Set(["py", "python", "sh", "bash", "zsh", "shell", "console", "yaml", "yml", "toml", "rb", "ruby", "dockerfile", "make", "makefile", "ini", "perl", "r"]);
const DASH = new Set(["sql", "lua", "haskell"]);
const SLASH = new Set(["rust", "rs", "js", "javascript", "ts", "typescript", "tsx", "jsx", "go", "java", "kotlin", "swift", "c", "cpp", "c++", "h", "cs", "csharp", "php", "scala", "dart", "zig", "css", "scss", "json", "json5", "jsonc", "proto", "groovy"]);
const SHELLS = new Set(["sh", "bash", "zsh", "shell", "console"]);

const escaped: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (text: string) => text.replace(/[&<>"']/g, (char) => escaped[char] ?? char);

export function highlight(code: string, language: string): string {
  const name = language.toLowerCase();
  const comment = HASH.has(name) ? "#[^\\n]*" : DASH.has(name) ? "--[^\\n]*" : SLASH.has(name) ? "//[^\\n]*|/\\*[^]*?\\*/" : undefined;
  if (!comment || code.length > LONGEST) return escape(code);
  const words = SHELLS.has(name) ? SHELL : name === "sql" ? SQL : WORDS;
  const tokens = new RegExp(`(${comment})|("(?:\\\\.|[^"\\\\\\n])*"|'(?:\\\\.|[^'\\\\\\n])*'|\`(?:\\\\.|[^\`\\\\])*\`)|(\\b\\d[\\w.]*)|(\\b(?:${words})\\b)`, name === "sql" ? "gi" : "g");
  let html = "";
  let from = 0;
  for (const found of code.matchAll(tokens)) {
    const kind = ["comment", "string", "number", "word"][found.slice(1).findIndex((group) => group !== undefined)];
    html += `${escape(code.slice(from, found.index))}<span class="t-${kind}">${escape(found[0])}</span>`;
    from = found.index + found[0].length;
  }
  return html + escape(code.slice(from));
}
