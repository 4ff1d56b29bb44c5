// The page's icons: strokes on a grid of 24, drawn for this page. They are decoration; words beside them say the same.
import { html, svg, type SVGTemplateResult, type TemplateResult } from "lit";

const shapes = {
  chat: svg`<path d="M4 5.500h16v11H10l-4.500 3.500v-3.500H4z"/>`,
  channels: svg`<circle cx="12" cy="12" r="2"/><path d="M8 16a5.700 5.700 0 0 1 0-8M16 8a5.700 5.700 0 0 1 0 8M5 19a9.900 9.900 0 0 1 0-14M19 5a9.900 9.900 0 0 1 0 14"/>`,
  agents: svg`<circle cx="12" cy="8.500" r="4"/><path d="M4.500 20c.8-4 3.700-6 7.500-6s6.700 2 7.500 6"/>`,
  models: svg`<path d="M12 3l2.200 5.800L20 11l-5.800 2.200L12 19l-2.200-5.800L4 11l5.800-2.200z"/><path d="M19 17v4M17 19h4"/>`,
  usage: svg`<path d="M4 20V10M10 20V4M16 20v-7M21 20H3"/>`,
  plugins: svg`<path d="M9 4v4M15 4v4M6 8h12v4a6 6 0 0 1-12 0zM12 18v3"/>`,
  cron: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 7v5l3.500 2"/>`,
  approvals: svg`<path d="M12 3l7.500 3v5.500c0 4.500-3 7.900-7.500 9.500-4.500-1.600-7.500-5-7.500-9.500V6z"/><path d="M8.800 12l2.300 2.300 4.100-4.500"/>`,
  devices: svg`<rect x="3" y="5" width="13" height="10" rx="1.500"/><path d="M6.500 19H13"/><rect x="16" y="10" width="5" height="10" rx="1.200"/>`,
  config: svg`<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>`,
  logs: svg`<rect x="3.500" y="4.500" width="17" height="15" rx="2"/><path d="M7 9l3 3-3 3M12.500 15H17"/>`,
  setup: svg`<path d="M5 21V4M5 4.500c5-2.500 8 2.500 14 0v9c-6 2.500-9-2.500-14 0"/>`,
  search: svg`<circle cx="11" cy="11" r="6.500"/><path d="M16 16l4.500 4.500"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  send: svg`<path d="M12 19V5M6 11l6-6 6 6"/>`,
  stop: svg`<rect x="7" y="7" width="10" height="10" rx="1.500" fill="currentColor"/>`,
  clip: svg`<path d="M20 11.500l-8.200 8.200a5 5 0 0 1-7.100-7.100l8.500-8.500a3.400 3.400 0 0 1 4.800 4.800L9.700 17.200a1.700 1.700 0 0 1-2.400-2.400l7.500-7.500"/>`,
  copy: svg`<rect x="8.500" y="8.500" width="11.500" height="11.500" rx="2"/><path d="M15.500 5.500v-.2A1.800 1.800 0 0 0 13.700 3.500H5.300a1.800 1.800 0 0 0-1.800 1.800v8.400a1.800 1.800 0 0 0 1.800 1.800h.2"/>`,
  check: svg`<path d="M5 12.500l4.500 4.500L19 7.500"/>`,
  close: svg`<path d="M6 6l12 12M18 6L6 18"/>`,
  menu: svg`<path d="M4 7h16M4 12h16M4 17h16"/>`,
  list: svg`<path d="M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01"/>`,
  sun: svg`<circle cx="12" cy="12" r="4"/><path d="M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400"/>`,
  moon: svg`<path d="M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z"/>`,
  auto: svg`<rect x="3" y="4.500" width="18" height="12" rx="2"/><path d="M8.500 20.500h7M12 16.500v4"/>`,
  chevron: svg`<path d="M9 6l6 6-6 6"/>`,
  refresh: svg`<path d="M20 11.500A8 8 0 1 0 18.500 17M20 5v6.500h-6.500"/>`,
  trash: svg`<path d="M4.500 7h15M9.500 7V4.500h5V7M6.500 7l.9 13h9.200l.9-13M10 11v5.500M14 11v5.500"/>`,
  edit: svg`<path d="M4 20l1-4.500L16 4.500l3.500 3.500L8.500 19zM13.500 7l3.500 3.500"/>`,
  warning: svg`<path d="M12 3.500L22 20H2z"/><path d="M12 10v4.500M12 17.200v.1"/>`,
  info: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 11v5M12 7.700v.1"/>`,
  play: svg`<path d="M7 4.500v15l12.500-7.500z"/>`,
  pause: svg`<path d="M8 5v14M16 5v14"/>`,
  leave: svg`<path d="M10 4H5v16h5M14 8l4 4-4 4M18 12H9"/>`,
  tool: svg`<path d="M14.500 6.500a4.200 4.200 0 0 1 5.200-1.200l-2.900 2.900.4 2.100 2.100.4 2.900-2.900M19.700 11a4.200 4.200 0 0 1-6.200 2.300L7 20a2.100 2.100 0 0 1-3-3l6.600-6.500a4.200 4.200 0 0 1 3.900-4"/>`,
  key: svg`<circle cx="8" cy="15.500" r="4"/><path d="M11 12.500L20 3.500M16.500 7l3 3"/>`,
  branch: svg`<circle cx="6.500" cy="5.500" r="2"/><circle cx="6.500" cy="18.500" r="2"/><circle cx="17.500" cy="8.500" r="2"/><path d="M6.500 7.500v9M17.500 10.500c0 3.500-6 2.500-11 4.500"/>`,
  file: svg`<path d="M6 3h8l5 5v13H6zM14 3v5h5"/>`,
} satisfies Record<string, SVGTemplateResult>;

export type Icon = keyof typeof shapes;

export function icon(name: Icon, extra = ""): TemplateResult {
  return html`<svg class="icon ${extra}" viewBox="0 0 24 24" aria-hidden="true">${shapes[name]}</svg>`;
}

/** The mark: three strokes of a claw. */
export const mark = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9.500" class="mark-fill"/><g fill="none" stroke="#fff" stroke-width="2.700" stroke-linecap="round"><path d="M9.500 7.500C7.400 13.200 8 19.400 11.600 24.600"/><path d="M16 6.600c-1.400 6-1 12.200 1.400 17.800"/><path d="M22.500 7.500c-.6 5.600.2 10.900 2.300 15.600"/></g></svg>`;
