// Puts what pages load into the folder that the server gives away and the wheel carries: htmx as it is, ECharts with
// only the charts we draw, and the licences of both. Run by `make`, after `npm ci`.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const OUT = "../src/keyuan/web/pages/static/built";
const PACKAGES = "node_modules";
const COPIED = { "htmx.js": "htmx.org/dist/htmx.min.js", "sse.js": "htmx.org/dist/ext/hx-sse.min.js" };
const LICENCES = [
  "htmx.org/LICENSE", "echarts/LICENSE", "echarts/NOTICE", "echarts/licenses/LICENSE-d3", "zrender/LICENSE",
  "tslib/LICENSE.txt",
];
// Left out of ECharts: tooltips of HTML, which write style attributes that our policy forbids, and words we say ourselves.
const LEFT_OUT = { name: "left out", setup: (made) => {
  made.onLoad({ filter: /tooltip\/TooltipHTMLContent\.js$/ }, () => ({ contents: "export default class {}" }));
  made.onLoad({ filter: /echarts\/lib\/i18n\/langZH\.js$/ }, () => ({ contents: "export default {}" }));
} };

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
for (const [name, from] of Object.entries(COPIED)) await copyFile(`${PACKAGES}/${from}`, `${OUT}/${name}`);
const texts = await Promise.all(LICENCES.map(async (name) => `${name}\n\n${await readFile(`${PACKAGES}/${name}`, "utf8")}`));
await writeFile(`${OUT}/LICENCES.txt`, texts.join("\n\n"));
// The last one, so that `make` sees a whole folder.
await build({
  entryPoints: ["charts.js"], outfile: `${OUT}/charts.js`, plugins: [LEFT_OUT],
  bundle: true, minify: true, format: "iife", target: "es2022", legalComments: "none", logLevel: "warning",
});
