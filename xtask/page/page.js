"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const { steps: STEPS, pairs: PAIRS, texts: TEXTS } = DATA;

// Equal lines that stay visible around a change, and how many a fold has to hide to be worth its line.
const CONTEXT = 3;
const WORTH_FOLDING = 4;
const NARROW = matchMedia("(max-width: 800px)");

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const stepOf = (number) => STEPS[number - 1];
const short = (step) => step.dir.replace(/^exp\d-/, "");
const fileNames = [...new Set([...STEPS].reverse().flatMap((step) => step.files))];

// ---- Where the reader is: all of it stands in the address.
//
//   #/3                 a step, since the one it grew from
//   #/6/from/4          since another one
//   #/3/task.rs/L40     at a file and a line
//   #/file/task.rs/4    a file, as it is in a step
//   …?split&all         side by side, all lines

let route = read(location.hash);

function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const words = path.split("/").filter(Boolean).map(decodeURIComponent);
  const options = query.split("&");
  const found = words[0] === "file" ? readFile(words) : readStep(words);
  return { ...found, split: options.includes("split"), all: options.includes("all") };
}

function readFile([, name, number]) {
  const file = fileNames.includes(name) ? name : fileNames[0];
  const having = STEPS.filter((step) => step.files.includes(file));
  const step = having.find((step) => step.number === Number(number)) ?? having[0];
  const wrong = (name && file !== name) || (number && step.number !== Number(number));
  return { view: "file", file, step: step.number, wrong };
}

function readStep(words) {
  const [number = "1", ...rest] = words;
  const step = stepOf(Number(number)) ?? STEPS[0];
  const from = rest[0] === "from" ? Number(rest.splice(0, 2)[1]) : undefined;
  const ways = PAIRS.filter((pair) => pair.new === step.number);
  const pair = ways.find((pair) => pair.old === from) ?? ways[0];
  const file = pair.files.find((file) => file.name === rest[0]);
  const line = file && /^L\d+$/.test(rest[1] ?? "") ? Number(rest[1].slice(1)) : undefined;
  const wrong = step.number !== Number(number) || (from !== undefined && pair.old !== from) || (rest[0] && !file);
  return { view: "step", pair, step: step.number, file: file?.name, line, wrong };
}

function address(to) {
  const options = ["split", "all"].filter((option) => to[option]);
  const query = options.length ? `?${options.join("&")}` : "";
  if (to.view === "file") return `#/file/${to.file}/${to.step}${query}`;
  const first = PAIRS.find((pair) => pair.new === to.pair.new);
  const from = to.pair === first ? "" : `/from/${to.pair.old}`;
  const file = to.file ? `/${to.file}` : "";
  const line = to.line ? `/L${to.line}` : "";
  return `#/${to.pair.new}${from}${file}${line}${query}`;
}

const stepAddress = (pair, more = {}) =>
  address({ view: "step", pair, split: route.split, all: route.all, ...more });
const fileAddress = (file, step) => address({ view: "file", file, step, split: route.split, all: route.all });
const go = (to) => { location.hash = to; };

// ---- Code.

const text = (number) => (number === null || number === undefined ? [] : TEXTS[number]);
const cell = (kind, content = "", attributes = "") => `<td class="${kind}" ${attributes}>${content}</td>`;

function numberCell(kind, line, link) {
  if (line === undefined) return cell(`n ${kind}`);
  const content = link ? `<a href="${link(line + 1)}" data-n="${line + 1}" aria-label="line ${line + 1}"></a>` : "";
  return cell(`n ${kind}`, content, `data-n="${line + 1}"`);
}

/** The rows of a file: equal lines, lines removed and added, and notes, in the order of one column. */
function* unifiedRows(file) {
  const [before, after] = [text(file.old), text(file.new)];
  let [i, j] = [0, 0];
  const equal = function* (until) {
    for (; i < until; i++, j++) yield { kind: "same", old: i, new: j, html: before[i] };
  };
  for (const change of changesOf(file)) {
    yield* equal(change.old[0]);
    const marked = (side) => new Map(change.pairs.map((pair) => [pair[side], pair[side + 2]]));
    const [inOld, inNew] = [marked(0), marked(1)];
    for (; i < change.old[1]; i++) yield { kind: "del", old: i, html: inOld.get(i - change.old[0]) ?? before[i] };
    for (; j < change.new[1]; j++) yield { kind: "add", new: j, html: inNew.get(j - change.new[0]) ?? after[j] };
  }
  yield* equal(before.length);
}

/** The same with both versions side by side. */
function* splitRows(file) {
  const [before, after] = [text(file.old), text(file.new)];
  let [i, j] = [0, 0];
  const equal = function* (until) {
    for (; i < until; i++, j++) yield { kind: "same", left: before[i], right: after[j], old: i, new: j };
  };
  const gap = function* (toOld, toNew) {
    while (i < toOld || j < toNew) {
      const row = { kind: "change" };
      if (i < toOld) [row.old, row.left] = [i, before[i++]];
      if (j < toNew) [row.new, row.right] = [j, after[j++]];
      yield row;
    }
  };
  for (const change of changesOf(file)) {
    yield* equal(change.old[0]);
    for (const [a, b, left, right] of change.pairs) {
      yield* gap(change.old[0] + a, change.new[0] + b);
      yield { kind: "change", old: i++, new: j++, left, right };
    }
    yield* gap(change.old[1], change.new[1]);
  }
  yield* equal(before.length);
}

/** A file that is in one step only is one change. */
function changesOf(file) {
  if (file.kind === "identical" || file.kind === "changed") return file.changes;
  return [{ old: [0, text(file.old).length], new: [0, text(file.new).length], pairs: [] }];
}

function unifiedRow(row, link) {
  const sign = { same: " ", del: "−", add: "+" }[row.kind];
  const cells = [
    numberCell("old", row.old),
    numberCell("", row.new, link),
    cell(`s ${row.kind}`, "", `data-s="${sign}"`),
    cell(`c ${row.kind}`, row.html || "\n"),
  ];
  return tableRow(row, cells);
}

function splitRow(row, link) {
  const side = (html, kind, sign) =>
    html === undefined
      ? cell("s none") + cell("c none")
      : cell(`s ${row.kind === "same" ? "" : kind}`, "", `data-s="${row.kind === "same" ? " " : sign}"`) +
        cell(`c ${row.kind === "same" ? "" : kind}`, html || "\n");
  const cells = [
    numberCell("", row.old),
    side(row.left, "del", "−"),
    numberCell("", row.new, link),
    side(row.right, "add", "+"),
  ];
  return tableRow(row, cells);
}

const tableRow = (row, cells) =>
  `<tr class="${row.kind}"${row.new === undefined ? "" : ` data-line="${row.new + 1}"`}>${cells.join("")}</tr>`;

/** A table of code. `fold` hides what is far from a change. */
function table(file, { split, fold, link }) {
  const rows = [...(split ? splitRows(file) : unifiedRows(file))];
  const draw = split ? splitRow : unifiedRow;
  const columns = split
    ? '<col class="n"><col class="s"><col><col class="n"><col class="s"><col>'
    : '<col class="n old"><col class="n"><col class="s"><col>';
  const width = split ? 6 : 4;
  const near = rows.map(() => !fold);
  rows.forEach((row, index) => {
    if (row.kind !== "same") near.fill(true, Math.max(0, index - CONTEXT), index + CONTEXT + 1);
  });
  const notes = notesByRow(file, rows, width);
  const html = [];
  for (let index = 0; index < rows.length; ) {
    const end = near[index] ? index + 1 : firstNear(near, index);
    const drawn = rows.slice(index, end).map((row) => draw(row, link));
    if (near[index] || end - index < WORTH_FOLDING) html.push(...notes[index], ...drawn);
    else html.push(foldRow(rows.slice(index, end), width, drawn));
    index = end;
  }
  const whole = file.kind === "new" || file.kind === "gone" ? " whole" : "";
  return `<table class="diff${whole}"><colgroup>${columns}</colgroup><tbody>${html.join("")}</tbody></table>`;
}

function firstNear(near, from) {
  const found = near.indexOf(true, from);
  return found < 0 ? near.length : found;
}

const folded = new Map();

function foldRow(rows, width, drawn) {
  const key = `fold-${folded.size}`;
  folded.set(key, drawn.join(""));
  const item = enclosing(rows);
  const words = `⋯ ${rows.length} equal lines${item ? ` · ${item}` : ""}`;
  return `<tr class="fold"><td colspan="${width}"><button data-fold="${key}">${words}</button></td></tr>`;
}

/** The item that the line after these rows stands in: the last one that is not indented. */
function enclosing(rows) {
  const plain = rows.map((row) => (row.html ?? row.left).replace(/<[^>]*>/g, ""));
  const last = plain.findLast((line) => /^[}a-z]/.test(line));
  return last && !/^(}|use |mod |pub use )/.test(last) ? last.replace(/ \{$/, "") : "";
}

/** For every row the notes above it: an item's note stands at its first change. */
function notesByRow(file, rows, width) {
  const notes = rows.map(() => []);
  for (const [start, end, item, why] of file.notes ?? []) {
    const within = (row, index) => {
      const line = row.new ?? rows.slice(index).find((later) => later.new !== undefined)?.new ?? end;
      return row.kind !== "same" && start <= line && line < end;
    };
    const index = rows.findIndex(within);
    const note = `<code>${escaped(item)}</code>: ${escaped(why)}`;
    if (index >= 0) notes[index].push(`<tr class="note"><td colspan="${width}">${note}</td></tr>`);
  }
  return notes;
}

const escaped = (words) => words.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

// ---- The view of a step.

const counts = ({ added, removed }) => {
  const parts = [];
  if (added) parts.push(`<span class="plus">+${added}</span>`);
  if (removed) parts.push(`<span class="minus">−${removed}</span>`);
  return `<span class="counts">${parts.join(" ")}</span>`;
};

function showStep() {
  const { pair } = route;
  const step = stepOf(pair.new);
  const of = (kind) => pair.files.filter((file) => file.kind === kind);
  const shown = pair.files.filter((file) => file.kind !== "identical");
  const identical = of("identical");
  const numbers = [`${step.code} code lines`, counts(pair)];
  for (const kind of ["new", "changed", "identical"]) if (of(kind).length) numbers.push(`${of(kind).length} ${kind}`);
  $("#main").innerHTML = `
    <h2>${step.dir}</h2>
    ${ways(pair)}
    <p class="idea">${escaped(step.idea)}</p>
    <p class="sum">${numbers.join(" · ")}</p>
    <div class="step">
      <ul class="list">${list("In reading order", shown)}${list("Identical", identical)}</ul>
      <div>${shown.map((file) => section(pair, file)).join("")}${identical.map((file) => details(pair, file)).join("")}</div>
    </div>`;
  document.title = `${step.dir}: the growth of six async schedulers`;
}

function ways(pair) {
  const links = PAIRS.filter((other) => other.new === pair.new && other.old).map((other) => {
    const here = other === pair ? ' aria-current="true"' : "";
    return `<a class="button" href="${stepAddress(other)}"${here}>${stepOf(other.old).dir}</a>`;
  });
  const only = `<a href="#/${pair.old}">${stepOf(pair.old)?.dir}</a>`;
  const from = ["the first step: all is new", `since ${only}`, `since ${links.join(" or since ")}`][links.length];
  return `<div class="from">${from}</div>`;
}

function list(title, files) {
  if (!files.length) return "";
  const item = (file) =>
    `<li><a href="${stepAddress(route.pair, { file: file.name })}">${file.name}</a>
     ${counts(file)}</li>`;
  return `<li class="head">${title}</li>${files.map(item).join("")}`;
}

function heading(pair, file) {
  return `<a href="${stepAddress(pair, { file: file.name })}">${file.name}</a>
    <span class="kind ${file.kind}">${file.kind}</span>
    ${counts(file)}
    <a class="also" href="${fileAddress(file.name, pair.new)}">through all steps</a>`;
}

const tableOf = (pair, file) =>
  table(file, {
    split: route.split && !NARROW.matches && file.kind === "changed",
    fold: !route.all && file.kind === "changed",
    link: (line) => stepAddress(pair, { file: file.name, line }),
  });

const section = (pair, file) =>
  `<section class="file" data-file="${file.name}"><h3>${heading(pair, file)}</h3>${tableOf(pair, file)}</section>`;

const details = (pair, file) =>
  `<details class="file" data-file="${file.name}"${route.file === file.name || route.all ? " open" : ""}>
   <summary>${heading(pair, file)}</summary>${tableOf(pair, file)}</details>`;

// ---- The view of a file.

/** A file's step beside the nearest of those that it grew from. */
function growth(name, number) {
  const ways = PAIRS.filter((pair) => pair.new === number);
  const found = ways.map((pair) => ({ pair, file: pair.files.find((file) => file.name === name) }));
  const size = ({ file }) => file.added + file.removed + (file.kind === "new" ? 1e6 : 0);
  return found.sort((a, b) => size(a) - size(b))[0];
}

function showFile() {
  const { file: name, step: number } = route;
  const having = STEPS.filter((step) => step.files.includes(name));
  const { pair, file } = growth(name, number);
  const place = having.findIndex((step) => step.number === number);
  const options = fileNames.map((other) => `<option${other === name ? " selected" : ""}>${other}</option>`);
  const stops = having.map((step) => {
    const here = step.number === number ? ' aria-current="true"' : "";
    const { file } = growth(name, step.number);
    const size = { new: "new", identical: "=" }[file.kind] ?? `+${file.added} −${file.removed}`;
    return `<a class="button" href="${fileAddress(name, step.number)}"${here} title="${step.dir}">${step.number} <small>${size}</small></a>`;
  });
  const since = { new: "new here", identical: `as in ${stepOf(pair.old)?.dir}`, changed: `since ${stepOf(pair.old)?.dir}` };
  $("#main").innerHTML = `
    <div class="slider">
      <div class="row">
        <label>File <select id="which">${options.join("")}</select></label>
        <input id="stop" type="range" min="0" max="${having.length - 1}" value="${place}" aria-label="Step"
          aria-valuetext="${stepOf(number).dir}" ${having.length < 2 ? "disabled" : ""}>
        <span class="stops">${stops.join("")}</span>
        <output for="stop">${stepOf(number).dir}</output>
        <span class="sum">${since[file.kind]} ${counts(file)}</span>
      </div>
    </div>
    <section class="file" data-file="${name}">
      <h3><a href="${fileAddress(name, number)}">${stepOf(number).dir}/src/${name}</a>
        <span class="kind ${file.kind}">${file.kind}</span>
        <a class="also" href="${stepAddress(pair, { file: name })}">the whole step</a></h3>
      ${table(file, { split: route.split && !NARROW.matches && file.kind === "changed", fold: false })}
    </section>`;
  document.title = `${name} in ${stepOf(number).dir}`;
}

// ---- Showing.

function showTree() {
  const place = { 1: [10, 50], 2: [30, 50], 3: [50, 50], 4: [70, 25], 5: [70, 75], 6: [90, 50] };
  const lines = PAIRS.filter((pair) => pair.old).map((pair) => {
    const [[x1, y1], [x2, y2]] = [place[pair.old], place[pair.new]];
    return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
  });
  const nodes = STEPS.map((step) => {
    const [x, y] = place[step.number];
    const here = step.number === route.step ? ' aria-current="page"' : "";
    const parent = route.view === "step" && route.pair.old === step.number ? "parent" : "";
    const row = y === 50 ? "1 / 3" : y < 50 ? "1" : "2";
    const having = route.view === "file" && step.files.includes(route.file);
    const to = having ? fileAddress(route.file, step.number) : stepAddress(PAIRS.find((pair) => pair.new === step.number));
    return `<a class="${parent}" href="${to}"${here} style="grid-column:${(x + 10) / 20};grid-row:${row}"><b>${step.number}</b>${short(step)}</a>`;
  });
  $("#tree").innerHTML =
    `<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">${lines.join("")}</svg>${nodes.join("")}`;
}

function showBar() {
  for (const option of ["split", "all"]) $(`#${option}`).setAttribute("aria-pressed", route[option]);
  $("#split").disabled = NARROW.matches;
  $("#all").disabled = route.view === "file";
  const name = route.file ?? "scheduler.rs";
  const number = stepOf(route.step).files.includes(name) ? route.step : undefined;
  $("#to-step").href = stepAddress(route.pair ?? growth(route.file, route.step).pair);
  $("#to-file").href = fileAddress(name, number ?? STEPS.find((step) => step.files.includes(name)).number);
  $("#to-step").toggleAttribute("aria-current", route.view === "step");
  $("#to-file").toggleAttribute("aria-current", route.view === "file");
}

let drawn = "";

/** Draws what the address says; what stays the same is not drawn anew. */
function show() {
  route = read(location.hash);
  const { file, line, ...frame } = route;
  const key = JSON.stringify([frame, route.view === "file" && file, NARROW.matches]);
  const anchor = route.view === "file" ? anchorLine() : undefined;
  if (key !== drawn) {
    folded.clear();
    (route.view === "file" ? showFile : showStep)();
  }
  const moved = key !== drawn;
  drawn = key;
  showTree();
  showBar();
  say(route.wrong ? "There is no such place. This is the nearest." : "");
  if (route.view === "file") restore(anchor);
  else if (route.file) reach(route.file, route.line);
  else if (moved) scrollTo({ top: 0, behavior: "instant" });
}

function say(words) {
  $("#said").textContent = words;
}

/** The first line below the slider, and how far down it stands. */
function anchorLine() {
  const top = $(".slider")?.getBoundingClientRect().bottom ?? 0;
  const row = $$("tr[data-line]").find((row) => row.getBoundingClientRect().top >= top);
  return row && { words: row.textContent, line: Number(row.dataset.line), top: row.getBoundingClientRect().top };
}

/** Puts the same line where it was, however many came before it. */
function restore(anchor) {
  if (!anchor || scrollY === 0) return;
  const twins = $$("tr[data-line]").filter((row) => row.textContent === anchor.words);
  const far = (row) => Math.abs(Number(row.dataset.line) - anchor.line);
  const nearest = twins.sort((a, b) => far(a) - far(b))[0];
  if (nearest) scrollBy({ top: nearest.getBoundingClientRect().top - anchor.top, behavior: "instant" });
}

/** Scrolls to a file, or to a line of it. */
function reach(name, line) {
  const file = $(`[data-file="${name}"]`);
  if (file.tagName === "DETAILS") file.open = true;
  $$("tr.target").forEach((row) => row.classList.remove("target"));
  if (line && !$(`tr[data-line="${line}"]`, file)) $$(".fold button", file).forEach(unfold);
  const row = line && $(`tr[data-line="${line}"]`, file);
  row?.classList.add("target");
  (row ?? file).scrollIntoView({ block: row ? "center" : "start", behavior: "instant" });
}

function unfold(button) {
  button.closest("tr").outerHTML = folded.get(button.dataset.fold);
}

// ---- Moving.

/** Every change on the page, as its first row. */
const changes = () =>
  $$("tr.add, tr.del, tr.change").filter((row) => {
    const before = row.previousElementSibling;
    return row.offsetParent && !before?.matches(".add, .del, .change");
  });

/** From where the reader is to the next of some places, or to the one before. */
function move(places, by) {
  const middle = innerHeight / 3;
  const offsets = places.map((place) => place.getBoundingClientRect().top - middle);
  const current = places.indexOf($(".here"));
  let index = by > 0 ? offsets.findIndex((offset) => offset > 2) : offsets.findLastIndex((offset) => offset < -2);
  if (current >= 0 && Math.abs(offsets[current]) < innerHeight) index = current + by;
  const place = places[index];
  if (!place) return say("There are no more.");
  $$(".here").forEach((row) => row.classList.remove("here"));
  place.classList.add("here");
  scrollBy({ top: place.getBoundingClientRect().top - middle, behavior: "instant" });
}

function moveStep(by) {
  if (route.view === "file") {
    const having = STEPS.filter((step) => step.files.includes(route.file));
    const next = having[having.findIndex((step) => step.number === route.step) + by];
    return next ? go(fileAddress(route.file, next.number)) : say("There are no more steps.");
  }
  const next = PAIRS[PAIRS.indexOf(route.pair) + by];
  return next ? go(stepAddress(next)) : say("There are no more steps.");
}

const toggle = (option) => go(address({ ...route, [option]: !route[option] }));

/** The file that the reader looks at. */
function fileInView() {
  const files = $$(".file");
  const current = files.findLast((file) => file.getBoundingClientRect().top < innerHeight / 2);
  return (current ?? files[0]).dataset.file;
}

function toggleView() {
  if (route.view === "file") return go($("#to-step").hash);
  return go(fileAddress(fileInView(), route.step));
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

const KEYS = {
  ArrowLeft: () => moveStep(-1),
  ArrowRight: () => moveStep(1),
  n: () => move(changes(), 1),
  p: () => move(changes(), -1),
  j: () => move($$(".file"), 1),
  k: () => move($$(".file"), -1),
  f: toggleView,
  s: () => NARROW.matches || toggle("split"),
  a: () => route.view === "file" || toggle("all"),
  d: toggleTheme,
  "?": () => $("#keys").showModal(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, dialog")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.fold) unfold(button);
  else if (button?.id === "help") KEYS["?"]();
  else if (button?.id === "theme") toggleTheme();
  else if (button?.id === "split" || button?.id === "all") toggle(button.id);
});

addEventListener("input", (event) => {
  if (event.target.id === "stop") {
    const having = STEPS.filter((step) => step.files.includes(route.file));
    go(fileAddress(route.file, having[Number(event.target.value)].number));
  }
});

addEventListener("change", (event) => {
  if (event.target.id === "which") {
    const file = event.target.value;
    const having = STEPS.filter((step) => step.files.includes(file));
    const same = having.find((step) => step.number === route.step) ?? having[0];
    go(fileAddress(file, same.number));
  }
});

addEventListener("hashchange", () => {
  const focus = document.activeElement?.id;
  show();
  // Drawing anew must not take the slider out of the reader's hand.
  if (focus && document.activeElement === document.body) document.getElementById(focus)?.focus({ preventScroll: true });
});
NARROW.addEventListener("change", show);
show();
