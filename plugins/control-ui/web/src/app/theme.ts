// Light, dark, or as the system says.
export type Theme = "auto" | "light" | "dark";
const KEY = "openclaw.control.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen: Theme = read();

export const theme = () => chosen;

export function setTheme(to: Theme): void {
  chosen = to;
  try {
    localStorage.setItem(KEY, to);
  } catch {
    // it lasts as long as the page
  }
  apply();
}

export function apply(): void {
  const is = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
  document.documentElement.dataset.theme = is;
}

dark.addEventListener("change", apply);

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto";
  }
}
