"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const { steps: STEPS, pairs: PAIRS, rooms: ROOMS, runs: RUNS, texts: TEXTS } = DATA;

// Equal lines that stay visible around a change, and how many a fold has to hide to be worth its line.
const CONTEXT = 3;
const WORTH_FOLDING = 4;
const NARROW = matchMedia("(max-width: 800px)");

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const stepOf = (number) => STEPS[number - 1];
const short = (step) => step.dir.replace(/^exp\d-/, "");
const fileNames = [...new Set([...STEPS].reverse().flatMap((step) => step.files))];

// What stands beside the last step's `src`: its twins, and what serves use.
const LAST = PAIRS.find((pair) => pair.new === STEPS.length);
const [FAST, EXTRA] = ROOMS;

// ---- Where the reader is: all of it stands in the address.
//
//   #/3                 a step, since the one it grew from
//   #/6/from/4          since another one
//   #/3/task.rs/L40     at a file and a line
//   #/file/task.rs/4    a file, as it is in a step
//   #/fast/task.rs      the plain files of exp6 beside their twins, at a file
//   #/extra             what programs need and the idea does not
//   #/run/demo-2        a run, event by event: see player.js
//   …?split&all         side by side, all lines
//   …?single            the twins in one column, because they stand side by side otherwise

const OPTIONS = ["split", "all", "single"];

let route = read(location.hash);

function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const words = path.split("/").filter(Boolean).map(decodeURIComponent);
  const options = query.split("&");
  const room = ROOMS.find((room) => room.name === words[0]);
  const found = readWords(words, room);
  for (const option of OPTIONS) found[option] = options.includes(option);
  return found;
}

function readWords(words, room) {
  if (words[0] === "file") return readFile(words);
  if (words[0] === "run") return readRun(words.slice(1));
  return room ? readRoom(room, words.slice(1)) : readStep(words);
}

/** A file of those that are shown, and a line of it. */
function readPlace(files, [name, line]) {
  const file = files.find((file) => file.name === name);
  const number = file && /^L\d+$/.test(line ?? "") ? Number(line.slice(1)) : undefined;
  return { file: file?.name, line: number, wrong: Boolean(name && !file) };
}

function readRoom(room, rest) {
  return { view: "room", room, pair: LAST, step: LAST.new, ...readPlace(room.files, rest) };
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
  const place = readPlace(pair.files, rest);
  const wrong = step.number !== Number(number) || (from !== undefined && pair.old !== from) || place.wrong;
  return { view: "step", pair, step: step.number, ...place, wrong };
}

function address(to) {
  const options = OPTIONS.filter((option) => to[option]);
  const query = options.length ? `?${options.join("&")}` : "";
  if (to.view === "file") return `#/file/${to.file}/${to.step}${query}`;
  if (to.view === "run") return `${runPath(to)}${query}`;
  const file = to.file ? `/${to.file}` : "";
  const line = to.line ? `/L${to.line}` : "";
  if (to.view === "room") return `#/${to.room.name}${file}${line}${query}`;
  const first = PAIRS.find((pair) => pair.new === to.pair.new);
  const from = to.pair === first ? "" : `/from/${to.pair.old}`;
  return `#/${to.pair.new}${from}${file}${line}${query}`;
}

/** The options go along wherever the reader goes. */
const withOptions = (to) => address({ split: route.split, all: route.all, single: route.single, ...to });
const stepAddress = (pair, more = {}) => withOptions({ view: "step", pair, ...more });
const roomAddress = (room, more = {}) => withOptions({ view: "room", room, ...more });
const fileAddress = (file, step) => withOptions({ view: "file", file, step });
/** A place on the page that is shown. */
const hereAddress = (more = {}) => (route.view === "room" ? roomAddress(route.room, more) : stepAddress(route.pair, more));

/** From a file of the last step to its twin, and from a twin to its plain file. */
function twinAddress(name) {
  if (route.room === FAST) {
    const plain = FAST.files.find((file) => file.name === name).paths[0];
    return plain.startsWith("src/") ? stepAddress(LAST, { file: name }) : roomAddress(EXTRA, { file: name });
  }
  const path = `${route.room === EXTRA ? "extra" : "src"}/${name}`;
  const twin = route.step === LAST.new && FAST.files.some((file) => file.paths[0] === path);
  return twin ? roomAddress(FAST, { file: name }) : undefined;
}

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
function table(file, { split, fold, link, sides }) {
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
  const side = (name) => `<th scope="col" colspan="${width / 2}">${name}</th>`;
  const head = split && sides ? `<thead><tr>${sides.map(side).join("")}</tr></thead>` : "";
  return `<table class="diff${whole}"><colgroup>${columns}</colgroup>${head}<tbody>${html.join("")}</tbody></table>`;
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
    const note = `<code>${escaped(item)}</code>: ${prose(why)}`;
    if (index >= 0) notes[index].push(`<tr class="note"><td colspan="${width}">${note}</td></tr>`);
  }
  return notes;
}

const escaped = (words) => words.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

/** A sentence, with what stands in quotes of code as code. */
const prose = (words) => escaped(words).replace(/`([^`]*)`/g, "<code>$1</code>");

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
    <p class="idea">${prose(step.idea)}</p>
    <p class="sum">${numbers.join(" · ")}${demoLink(step)}</p>
    ${step.number === LAST.new ? beside() : ""}
    <div class="step">
      <ul class="list">${list("In reading order", shown)}${list("Identical", identical)}</ul>
      <div>${shown.map(section).join("")}${identical.map(details).join("")}</div>
    </div>`;
  document.title = `${step.dir}: the growth of six async schedulers`;
}

/** The ways from the last step to what stands beside its `src`. */
function beside() {
  const link = (room, what) => `<a href="${roomAddress(room)}">${room.name}/</a>, ${room.files.length} ${what}`;
  return `<p class="sum">Beside <code>src/</code>: ${link(FAST, "twins of plain files")} · ${link(EXTRA, "files for users")}</p>`;
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

function demoLink(step) {
  const run = RUNS.find((run) => run.step === step.number);
  return run ? ` · <a href="${runAddress(run)}">a run of the demo, event by event</a>` : "";
}

function list(title, files) {
  if (!files.length) return "";
  const item = (file) =>
    `<li><a href="${hereAddress({ file: file.name })}">${file.name}</a>
     ${counts(file)}</li>`;
  return `<li class="head">${title}</li>${files.map(item).join("")}`;
}

function heading(file) {
  const title = (file.paths ?? [file.name]).join(" → ");
  const kind = route.view === "step" ? `<span class="kind ${file.kind}">${file.kind}</span>` : "";
  const feature = file.feature ? `<span class="kind">${file.feature}</span>` : "";
  const growing = route.view === "step" || file.paths[0].startsWith("src/");
  const links = [
    twinLink(file.name),
    growing ? `<a href="${fileAddress(file.name, route.step)}">through all steps</a>` : "",
  ];
  return `<a href="${hereAddress({ file: file.name })}">${title}</a> ${kind}${feature} ${counts(file)}
    <span class="also">${links.join(" ")}</span>`;
}

function twinLink(name) {
  const to = twinAddress(name);
  return to ? `<a href="${to}">${route.room === FAST ? "the plain file" : "its twin"}</a>` : "";
}

/** Whether both versions of a file stand side by side: twins do unless the reader wants one column. */
const sideBySide = () => (route.view === "room" ? !route.single : route.split) && !NARROW.matches;

const tableOf = (file) =>
  table(file, {
    split: sideBySide() && file.kind === "changed",
    fold: !route.all && file.kind === "changed",
    link: (line) => hereAddress({ file: file.name, line }),
    sides: file.paths,
  });

const section = (file) =>
  `<section class="file" data-file="${file.name}"><h3>${heading(file)}</h3>${holds(file)}${tableOf(file)}</section>`;

const holds = (file) => (file.holds ? `<p class="holds">${prose(file.holds)}</p>` : "");

const details = (file) =>
  `<details class="file" data-file="${file.name}"${route.file === file.name || route.all ? " open" : ""}>
   <summary>${heading(file)}</summary>${tableOf(file)}</details>`;

// ---- The view of what stands beside the last step's `src`.

function showRoom() {
  const { room } = route;
  const numbers = [`${room.files.length} files`, `${room.code} code lines`];
  const features = [...new Set(room.files.map((file) => file.feature))];
  const lists = features.map((feature) => list(feature ?? "Files", room.files.filter((file) => file.feature === feature)));
  $("#main").innerHTML = `
    <h2>${room.dir}</h2>
    <div class="from">beside <a href="${stepAddress(LAST)}">${stepOf(LAST.new).dir}/src</a></div>
    <p class="idea">${prose(room.idea)}</p>
    <p class="sum">${numbers.join(" · ")}</p>
    <div class="step">
      <ul class="list">${lists.join("")}</ul>
      <div>${room.files.map(section).join("")}</div>
    </div>`;
  document.title = `${room.dir}: the growth of six async schedulers`;
}

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
        <span class="also">${twinLink(name)} <a href="${stepAddress(pair, { file: name })}">the whole step</a></span></h3>
      ${table(file, { split: sideBySide() && file.kind === "changed", fold: false })}
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
    const current = route.view === "room" || route.view === "run" ? "true" : "page";
    const here = step.number === route.step ? ` aria-current="${current}"` : "";
    const parent = route.view === "step" && route.pair.old === step.number ? "parent" : "";
    const row = y === 50 ? "1 / 3" : y < 50 ? "1" : "2";
    const having = route.view === "file" && step.files.includes(route.file);
    const demo = route.view === "run" && RUNS.find((run) => run.step === step.number);
    const whole = demo ? runAddress(demo) : stepAddress(PAIRS.find((pair) => pair.new === step.number));
    const to = having ? fileAddress(route.file, step.number) : whole;
    return `<a class="${parent}" href="${to}"${here} style="grid-column:${(x + 10) / 20};grid-row:${row}"><b>${step.number}</b>${short(step)}</a>`;
  });
  $("#tree").innerHTML =
    `<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">${lines.join("")}</svg>${nodes.join("")}`;
}

function showBar() {
  const single = route.room === EXTRA || route.view === "run";
  $("#split").setAttribute("aria-pressed", route.view === "room" ? sideBySide() && !single : route.split);
  $("#split").disabled = NARROW.matches || single;
  $("#all").setAttribute("aria-pressed", route.all);
  $("#all").disabled = route.view === "file" || single;
  const name = fileNames.includes(route.file) ? route.file : "scheduler.rs";
  const number = stepOf(route.step).files.includes(name) ? route.step : undefined;
  $("#to-step").href = stepAddress(route.pair ?? growth(name, route.step).pair);
  $("#to-run").href = runAddress(route.run ?? RUNS.find((run) => run.step === route.step), undefined);
  $("#to-run").toggleAttribute("aria-current", route.view === "run");
  $("#to-file").href = fileAddress(name, number ?? STEPS.find((step) => step.files.includes(name)).number);
  $("#to-step").toggleAttribute("aria-current", route.view === "step");
  $("#to-file").toggleAttribute("aria-current", route.view === "file");
  for (const room of ROOMS) {
    $(`#to-${room.name}`).href = roomAddress(room);
    $(`#to-${room.name}`).toggleAttribute("aria-current", route.room === room);
  }
}

let drawn = "";

/** Draws what the address says; what stays the same is not drawn anew. */
function show() {
  clearTimeout(saving);
  route = read(location.hash);
  const { file, line, moment, asked, wrong, run, ...frame } = route;
  const key = JSON.stringify([frame, run?.name, route.view === "file" && file, NARROW.matches]);
  const anchor = route.view === "file" ? anchorLine() : undefined;
  if (key !== drawn) {
    folded.clear();
    ({ file: showFile, room: showRoom, step: showStep, run: showRun })[route.view]();
  }
  const moved = key !== drawn;
  drawn = key;
  showTree();
  showBar();
  say(route.wrong ? "There is no such place. This is the nearest." : "");
  if (route.view === "run") showMoment();
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
  const stops = [...PAIRS.map((pair) => stepAddress(pair)), ...ROOMS.map((room) => roomAddress(room))];
  const next = stops[[...PAIRS, ...ROOMS].indexOf(route.room ?? route.pair) + by];
  return next ? go(next) : say("There are no more steps.");
}

function toggle(button) {
  if ($(`#${button}`).disabled) return;
  const option = button === "split" && route.view === "room" ? "single" : button;
  go(address({ ...route, [option]: !route[option] }));
}

/** The file that the reader looks at. */
function fileInView() {
  const files = $$(".file");
  const top = (file) => file.getBoundingClientRect().top;
  const above = files.filter((file) => top(file) < innerHeight / 2);
  // A short file that has just been reached leaves room for the next ones.
  const reached = above.find((file) => file.dataset.file === route.file && top(file) > -2);
  return (reached ?? above.at(-1) ?? files[0]).dataset.file;
}

function toggleView() {
  if (route.view === "file") return go($("#to-step").hash);
  const name = fileInView();
  return fileNames.includes(name) ? go(fileAddress(name, route.step)) : say("This file is in no step's src.");
}

function toggleTwin() {
  const to = twinAddress(fileInView());
  return to ? go(to) : say("This file has no twin here.");
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
  t: toggleTwin,
  s: () => toggle("split"),
  a: () => toggle("all"),
  d: toggleTheme,
  "?": () => $("#keys").showModal(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, dialog")) return;
  const act = (route.view === "run" ? RUN_KEYS : KEYS)[event.key];
  // A button has its own use for the space bar.
  if (!act || (event.key === " " && event.target.closest("button, a"))) return;
  event.preventDefault();
  act();
});

addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.fold) unfold(button);
  else if (button?.id === "help") KEYS["?"]();
  else if (button?.id === "theme") toggleTheme();
  else if (button?.id === "split" || button?.id === "all") toggle(button.id);
  else if (RUN_BUTTONS[button?.id]) RUN_KEYS[RUN_BUTTONS[button.id]]();
});

addEventListener("input", (event) => {
  if (event.target.id === "moment") goMoment(Number(event.target.value) - 1);
  if (event.target.id === "stop") {
    const having = STEPS.filter((step) => step.files.includes(route.file));
    go(fileAddress(route.file, having[Number(event.target.value)].number));
  }
});

addEventListener("change", (event) => {
  if (event.target.id === "run") go(runAddress(RUNS.find((run) => run.name === event.target.value)));
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
