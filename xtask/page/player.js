"use strict";

// The player: recorded runs, event by event. What the rest of the page gives it stands in page.js.
//
//   #/run/demo-2          a run, at its first event; a mistake, where the two runs part
//   #/run/demo-2/17       at its 17th event

const AROUND = { code: 7, log: 3 };
const PAUSE = 800;
const SAVED_EVERY = 100;

let playing;
// When the address was changed last, and what will change it.
let saved = -Infinity;
let saving;

// ---- Where the reader is. A moment is one place in all runs that stand side by side: they part at the same moment.

/** The moment at which they part. */
const parting = (run) => (run.parts ? Math.max(...run.parts) : 0);

/** The place of a moment in one of the runs. Before the first event and after the last there is nothing else. */
function placeIn(run, which, moment) {
  const shift = run.parts ? parting(run) - run.parts[which] : 0;
  return Math.max(0, Math.min(moment - shift, run.runs[which].events.length - 1));
}

const moments = (run) =>
  Math.max(...run.runs.map(({ events }, which) => events.length + (run.parts ? parting(run) - run.parts[which] : 0)));

function readRun([name, number]) {
  const run = RUNS.find((run) => run.name === name) ?? RUNS[0];
  if (!run) return { view: "run", step: 1, moment: 0, asked: name, wrong: Boolean(name) };
  const last = moments(run) - 1;
  const given = run.name === name && number !== undefined;
  const moment = given && /^\d+$/.test(number) ? Math.max(0, Math.min(Number(number) - 1, last)) : parting(run);
  const wrong = Boolean(name && run.name !== name) || (given && moment !== Number(number) - 1);
  return { view: "run", run, step: run.step, moment: Math.min(moment, last), asked: name, wrong };
}

function runPath({ run, moment }) {
  if (!run) return "#/run";
  return `#/run/${run.name}${moment === undefined || moment === Math.min(parting(run), moments(run) - 1) ? "" : `/${moment + 1}`}`;
}

const runAddress = (run, moment) => withOptions({ view: "run", run, moment });

// ---- What is so after each event.

const known = new Map();

function statesOf(record) {
  if (!known.has(record)) {
    let state = { queue: [], timers: [], sources: [], polled: [], tasks: [], ended: {}, over: "before" };
    known.set(record, record.events.map((event) => (state = next(state, event))));
  }
  return known.get(record);
}

function next(before, event) {
  const { queue, timers, sources } = { ...before, ...event };
  const state = { ...before, queue, timers, sources, event };
  const { kind, task } = event;
  if (kind === "spawn") state.tasks = [...before.tasks, task];
  if (kind === "poll") state.polled = [...before.polled, task];
  state.taken = kind === "take" ? task : kind === "poll" || kind === "gone" ? undefined : before.taken;
  if (kind === "pending" || kind === "ready") state.polled = before.polled.slice(0, -1);
  if (kind === "ready" || kind === "drop") state.ended = { ...before.ended, [task]: kind === "ready" ? "✓ ended" : "✗ dropped" };
  if (kind === "park" || kind === "parked") state.parked = kind === "park" ? event.note : undefined;
  if (["panic", "end", "cut"].includes(kind)) Object.assign(state, { polled: [], over: kind });
  if (kind === "begin") state.over = undefined;
  return state;
}

// ---- Words.

const escape = (words) => words.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

const nameOf = (record, task) => record.tasks[task] ?? `task ${task}`;

/** In a sentence: a task, a thread, or the loop. */
function named(record, who) {
  if (typeof who === "number") return `\`${nameOf(record, who)}\``;
  if (who === "a thread") return "another thread";
  return who === undefined ? "the loop" : `the thread \`${who}\``;
}

/** A task's name stays as it is. */
const upper = (words) => words[0].toUpperCase() + words.slice(1);

const NOTES = {
  ever: "The loop parks until something ends the park.",
  time: "The loop parks, until the earliest deadline at the latest.",
  look: "The loop looks at the selector, and does not wait.",
};

const ENDS = {
  unpark: "The park ends: another thread has called `unpark`.",
  token: "The park ends at once: `unpark` was called before, and the thread has kept its token.",
  time: "The park ends: the time is up.",
  byte: "The park ends: the self-socket is readable.",
  report: "The park ends: the selector reports a source.",
  nothing: "The look ends: nothing is ready.",
};

const CUTS = {
  quiet: "The recording is cut off here: the loop waits for ever.",
  many: "The recording is cut off here: it goes on in this way.",
  panic: "The program ends with a panic.",
};

const DIRECTIONS = { r: "readable", w: "writable", rw: "readable and writable" };

/** A source and a direction: `3r`. */
function source(note) {
  const [, key, direction] = /^(\d+)(\w*)$/.exec(note);
  return { key, state: DIRECTIONS[direction] ?? "closed" };
}

/** What happens, in a sentence. `state` is that after the event. */
function sentence(record, event, state) {
  const task = named(record, event.task);
  const by = named(record, event.by);
  const inside = state.polled.length > 1 ? ` This is inside the poll of ${named(record, state.polled.at(-2))}.` : "";
  const left = state.tasks.filter((id) => !state.ended[id]).map((id) => named(record, id));
  const words = {
    begin: () => "The loop begins.",
    spawn: () => (event.by === undefined ? `${task} is a new task.` : `${by} spawns ${task}.`),
    push: () => `${task} goes to the back of the run queue.`,
    take: () => `The loop takes ${task} out of the run queue.`,
    poll: () => `${task} is polled.${inside}`,
    pending: () => `The poll of ${task} ends: pending.`,
    ready: () => `The poll of ${task} ends: ready. The task has ended.`,
    wake: () =>
      (event.by === event.task ? `${task} wakes itself.` : `${by} wakes ${task}.`) +
      (event.note ? " Its flag says that it is queued already, so nothing is pushed." : ""),
    sleep: () =>
      event.note
        ? `A sleep of ${task} is polled again. Its waker in the timer queue is replaced.`
        : `A sleep of ${task} goes into the timer queue.`,
    unsleep: () => `A sleep of ${task} is dropped, and leaves the timer queue.`,
    due: () => `A deadline has passed: the sleep of ${task} leaves the timer queue.`,
    empty: () => "The run queue is empty: no task can run.",
    busy: () => "64 polls without a park: the loop looks at the sleeps, although tasks can run.",
    park: () => NOTES[event.note],
    parked: () => ENDS[event.note],
    unpark: () =>
      typeof event.by === "string"
        ? `${by} calls \`unpark\`.`
        : "The run queue was empty, so `unpark` is called. The loop is not parked: its thread keeps a token.",
    byte: () => `${by} writes a byte into the self-socket.`,
    read: () => `The loop reads ${event.note} byte${event.note === "1" ? "" : "s"} from the self-socket.`,
    report: () => `The selector reports source ${source(event.note).key}: ${source(event.note).state}.`,
    wait: () => `${task} waits until source ${source(event.note).key} is ${source(event.note).state}.`,
    defer: () => `${task} has spent its I/O budget. It is woken after the next look at the selector.`,
    job: () => `${by} gives a job to the pool.`,
    works: () => "A thread of the pool begins the job.",
    done: () => "The thread has done the job, and stores the result.",
    result: () =>
      event.by === undefined ? "The handle of the dropped task says “cancelled”." : `The result of ${by} is there for its handle.`,
    abort: () => `${by} asks ${task} to end.`,
    drop: () => `${task} is dropped with the scheduler. It has not ended.`,
    gone: () => `${task} is not in the table of tasks: it has ended, or it is being polled. Nothing is polled.`,
    print: () => `${by} prints “${event.note}”.`,
    panic: () => "The panic leaves the loop.",
    cut: () => CUTS[event.note],
    end: () =>
      left.length ? `The loop ends. These tasks have not ended: ${left.join(", ")}.` : "No task is left, and the loop ends.",
  };
  return upper(words[event.kind]());
}

/** What the loop does, with a sign for those who look for it. */
function loopWords(record, state, step) {
  const where = step >= 5 ? "in the selector" : "in thread::park";
  if (state.over === "before") return "– has not begun";
  if (state.over === "cut" && state.parked === "ever") return `‖ parked ${where} for ever`;
  if (state.over) return "■ over";
  if (state.parked === "look") return "‖ looks at the selector";
  if (state.parked) return `‖ parked ${where}, ${state.parked === "ever" ? "without a deadline" : "until the earliest deadline"}`;
  const polled = state.polled.map((task) => nameOf(record, task));
  return polled.length ? `▶ polls ${polled.join(", and inside that ")}` : "▶ runs";
}

function taskWords(state, task) {
  if (state.ended[task]) return state.ended[task];
  const words = [];
  if (state.polled.includes(task)) words.push("▶ polled");
  if (state.taken === task) words.push("▷ taken out of the run queue");
  const place = state.queue.indexOf(task);
  if (place >= 0) words.push(`… number ${place + 1} of the run queue`);
  if (state.timers.some(([id]) => id === task)) words.push("◷ sleeps");
  for (const [key, direction, id] of state.sources) if (id === task) words.push(`⇄ source ${key}, ${DIRECTIONS[direction]}`);
  return words.join("; ") || "· waits";
}

// ---- Drawing.

function showRun() {
  const { run } = route;
  pause();
  if (!run) {
    $("#main").innerHTML = "<h2>Runs</h2><p>No run is recorded here. <code>cargo xtask player</code> records them.</p>";
    document.title = "Runs of six async schedulers";
    return;
  }
  const option = (other) => `<option value="${other.name}"${other === run ? " selected" : ""}>${escape(other.title)}</option>`;
  const of = (isMistake) => RUNS.filter((other) => Boolean(other.parts) === isMistake).map(option).join("");
  const button = (id, words, key) => `<button id="${id}" title="${key}">${words}</button>`;
  $("#main").innerHTML = `
    <h2>${escape(run.title)}</h2>
    <p class="sum">A recorded run of <a href="${stepAddress(PAIRS.find((pair) => pair.new === run.step))}">${stepOf(run.step).dir}</a>.
      It shows the order of the events, and not their times.</p>
    <p id="not-there"></p>
    <p class="idea">${prose(run.does)} ${prose(run.see)}</p>
    <div class="player">
      <label>Run <select id="run"><optgroup label="Demos">${of(false)}</optgroup><optgroup label="Mistakes">${of(true)}</optgroup></select></label>
      <input id="moment" type="range" min="1" max="${moments(run)}" aria-label="Event">
      <span role="group" aria-label="Player">
        ${button("first", "|◀ First", "Home")}${button("back", "◀ Back", "←")}${button("play", "▶ Play", "space")}
        ${button("forward", "Forward ▶", "→")}${button("last", "Last ▶|", "End")}
        ${run.parts ? button("part", "≠ Where they part", "m") : ""}
      </span>
      <output id="count" for="moment"></output>
    </div>
    <div class="runs${run.parts ? " two" : ""}">${run.runs.map((_, which) => runFrame(run, which)).join("")}</div>
    ${run.changes.length ? `<h3>The mistake</h3><div>${run.changes.map(changeFrame).join("")}</div>
      <p>The test that catches it, and where it has been seen, are in <code>docs/broken.md</code>. The patch is
      <code>patches/${run.name}.patch</code>.</p>` : ""}`;
  document.title = `${run.title}: a run of ${stepOf(run.step).dir}`;
}

/** The places of one run. The heading says which it is. */
function runFrame(run, which) {
  const heading = run.parts ? `<h3>${["Without the mistake", "With the mistake"][which]}</h3>` : "";
  const sources = run.step >= 5 ? '<dt>Sources that are waited for</dt><dd class="sources"></dd>' : "";
  const timers = run.step >= 2 ? '<dt>Pending timers, the earliest first</dt><dd class="timers"></dd>' : "";
  return `<section class="run" data-which="${which}" aria-label="${["Without the mistake", "With the mistake"][run.parts ? which : 0]}">
    ${heading}
    <p class="now" aria-live="polite"></p>
    <div class="seen">
      <dl><dt>The loop</dt><dd class="loop"></dd><dt>Run queue, the front first</dt><dd class="queue"></dd>${timers}${sources}
        <dt>Tasks</dt><dd><ul class="tasks"></ul></dd></dl>
      <div class="file code"></div>
    </div>
    <ol class="log"></ol>
  </section>`;
}

const changeFrame = (file) =>
  `<section class="file"><h3><code>${file.name}</code>${counts(file)}</h3>${table(file, { split: false, fold: true })}</section>`;

/** Fills in what a moment has. */
function showMoment() {
  const { run, moment, asked, wrong } = route;
  if (!run) return;
  const last = moments(run) - 1;
  const isKnown = RUNS.some(({ name }) => name === asked);
  $("#not-there").textContent = !wrong ? "" : isKnown ? "There is no such event. This is the nearest." : `There is no run “${asked}”. This is another: ${run.title}.`;
  $("#moment").value = moment + 1;
  $("#moment").setAttribute("aria-valuetext", `event ${moment + 1} of ${last + 1}`);
  const before = { true: "both do the same so far", false: moment === parting(run) ? "here they part" : "they have parted" };
  $("#count").textContent = `event ${moment + 1} of ${last + 1}${run.parts ? `: ${before[moment < parting(run)]}` : ""}`;
  for (const id of ["first", "back"]) $(`#${id}`).disabled = moment === 0;
  for (const id of ["forward", "last"]) $(`#${id}`).disabled = moment === last;
  run.runs.forEach((record, which) => showRecord(run, record, which, moment));
  showPlaying();
}

function showRecord(run, record, which, moment) {
  const frame = $(`.run[data-which="${which}"]`);
  const place = placeIn(run, which, moment);
  const states = statesOf(record);
  const state = states[place];
  const fill = (selector, html) => { const at = $(selector, frame); if (at) at.innerHTML = html; };
  const chips = (items) => (items.length ? items.map((words) => `<span class="chip">${escape(words)}</span>`).join(" ") : "empty");
  fill(".now", prose(sentence(record, state.event, state)));
  fill(".loop", escape(loopWords(record, state, run.step)));
  fill(".queue", chips(state.queue.map((task) => nameOf(record, task))));
  fill(".timers", chips(state.timers.map(([task, rest]) => `${nameOf(record, task)}: ${rest} ms`)));
  fill(".sources", chips(state.sources.map(([key, direction, task]) => `source ${key}, ${DIRECTIONS[direction]}: ${nameOf(record, task)}`)));
  fill(".tasks", state.tasks.map((task) => `<li><b>${escape(nameOf(record, task))}</b> ${escape(taskWords(state, task))}</li>`).join(""));
  fill(".code", codeAt(run, record, place));
  const from = Math.max(0, Math.min(place - AROUND.log, record.events.length - 2 * AROUND.log - 1));
  const items = record.events.slice(from, from + 2 * AROUND.log + 1).map((event, index) => {
    const here = from + index === place ? ' aria-current="true"' : "";
    const to = runAddress(run, moment + from + index - place);
    return `<li${here}><a href="${to}">${prose(sentence(record, event, states[from + index]))}</a></li>`;
  });
  const log = $(".log", frame);
  log.start = from + 1;
  log.innerHTML = items.join("");
}

/** The line at work, and those around it. An event without a line leaves the one before it. */
function codeAt(run, record, place) {
  const { at } = record.events.slice(0, place + 1).findLast(({ at }) => at) ?? record.events.find(({ at }) => at);
  const file = record.files[at[0]];
  const lines = TEXTS[file.text];
  const from = Math.max(0, Math.min(at[1] - 1 - AROUND.code, lines.length - 2 * AROUND.code - 1));
  const pair = PAIRS.find((pair) => pair.new === run.step);
  const link = file.is_plain && ((line) => stepAddress(pair, { file: file.name, line }));
  const rows = lines.slice(from, from + 2 * AROUND.code + 1).map((html, index) => {
    const line = from + index;
    const here = line === at[1] - 1;
    const wrong = file.changed.some(([start, end]) => start <= line && line < end);
    const sign = here ? "▶" : wrong ? "+" : " ";
    const kind = here ? ' class="at" aria-current="true"' : wrong ? ' class="add"' : "";
    return `<tr${kind}>${numberCell("", line, link)}${cell("s", "", `data-s="${sign}"`)}${cell("c", html || "\n")}</tr>`;
  });
  return `<h3><code>${file.path}</code></h3><table class="diff"><colgroup><col class="n"><col class="s"><col></colgroup><tbody>${rows.join("")}</tbody></table>`;
}

// ---- Moving.

/** To a moment of the run that is shown. */
function goMoment(moment) {
  const { run } = route;
  if (!run) return;
  const last = moments(run) - 1;
  route = { ...route, moment: Math.max(0, Math.min(moment, last)), wrong: false };
  say("");
  showMoment();
  saveMoment();
  if (playing && (route.moment === last || (run.parts && route.moment === parting(run)))) pause();
}

/** Into the address, and the way back does not lead through each. Browsers refuse more than 20 changes a second. */
function saveMoment() {
  clearTimeout(saving);
  const [rest, here] = [SAVED_EVERY - (performance.now() - saved), location.hash];
  // Unless the reader has gone elsewhere meanwhile.
  if (rest > 0) saving = setTimeout(() => location.hash === here && saveMoment(), rest);
  else {
    saved = performance.now();
    history.replaceState(null, "", runAddress(route.run, route.moment));
  }
}

/** To the next poll of any of the runs, or to the one before. */
function movePoll(by) {
  const { run, moment } = route;
  const isPoll = (at) => run.runs.some(({ events }, which) => events[placeIn(run, which, at)].kind === "poll");
  let at = moment + by;
  while (at > 0 && at < moments(run) - 1 && !isPoll(at)) at += by;
  goMoment(at);
}

function moveRun(by) {
  const run = RUNS[RUNS.indexOf(route.run) + by];
  return run ? go(runAddress(run)) : say("There are no more runs.");
}

function play() {
  if (playing || !route.run) return pause();
  if (route.moment === moments(route.run) - 1) goMoment(0);
  playing = setInterval(() => (route.view === "run" ? goMoment(route.moment + 1) : pause()), PAUSE);
  showPlaying();
}

function pause() {
  clearInterval(playing);
  playing = undefined;
  showPlaying();
}

function showPlaying() {
  const button = $("#play");
  if (button) button.textContent = playing ? "❚❚ Pause" : "▶ Play";
}

const RUN_KEYS = {
  ArrowLeft: () => goMoment(route.moment - 1),
  ArrowRight: () => goMoment(route.moment + 1),
  Home: () => goMoment(0),
  End: () => goMoment(Infinity),
  " ": play,
  n: () => movePoll(1),
  p: () => movePoll(-1),
  m: () => goMoment(parting(route.run)),
  j: () => moveRun(1),
  k: () => moveRun(-1),
  d: () => toggleTheme(),
  "?": () => $("#keys").showModal(),
};

const RUN_BUTTONS = { first: "Home", back: "ArrowLeft", play: " ", forward: "ArrowRight", last: "End", part: "m" };
