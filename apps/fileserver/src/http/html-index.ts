import { createHash } from "node:crypto";

import type { Entry, VolumePath } from "@wharf/volume";

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .75rem; border-bottom: 1px solid #8883 }
th:first-child { width: 100% }
td:first-child { overflow-wrap: anywhere }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
`;

/** Nothing but this one style sheet may load or run, whatever a name manages to look like. */
export const INDEX_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * A directory as a page without scripts, whose relative links `wget -r` and rclone follow.
 *
 * @param next the query of the page after this one
 */
export function renderIndex(path: VolumePath, entries: readonly Entry[], next: string | undefined): string {
  const title = escapeHtml(path.toString());
  const up = path.isRoot ? "" : '<tr><td><a href="../">../</a></td><td></td><td></td></tr>\n';
  const more = next === undefined ? "" : `<p><a href="${escapeHtml(next)}" rel="next">Next page</a></p>\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<table>
<thead><tr><th>Name</th><th class="number">Size</th><th class="number">Modified (UTC)</th></tr></thead>
<tbody>
${up}${entries.map(renderRow).join("")}</tbody>
</table>
${more}</body>
</html>
`;
}

function renderRow({ name, type, size, modifiedMs }: Entry): string {
  const slash = type === "directory" ? "/" : "";
  const modified = new Date(modifiedMs).toISOString().slice(0, 16).replace("T", " ");
  return (
    `<tr><td><a href="${escapeHtml(encodeURIComponent(name))}${slash}">${escapeHtml(name)}${slash}</a></td>` +
    `<td class="number">${size === null ? "" : formatSize(size)}</td><td class="number">${modified}</td></tr>\n`
  );
}

function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 5);
  return `${(bytes / 1024 ** power).toFixed(1)} ${"KMGTP"[power - 1]}iB`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
