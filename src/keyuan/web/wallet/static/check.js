// The page "check my points": fetches the bundle, asks the chain, lets verify.js judge, and says what was found.
// The stamp is set here and nowhere else. Sentences come from the page (#words); nothing of a bundle becomes HTML.

import { RefusedError } from "./proof/bundle.js";
import { UncheckedError, rootFromChain } from "./proof/chain.js";
import { verify } from "./proof/verify.js";

const $ = (id) => document.getElementById(id);
const page = $("check");
const { bundle: bundleUrl, contract, chain, language } = page.dataset;
const words = JSON.parse($("words").textContent);
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
let evidence = null;

// ---- Words and figures ----

const say = (name, figures = {}) => words[name].replace(/%\((\w+)\)s/g, (_, figure) => figures[figure]);
const number = (value) => value.toString().replace(/^-/, "−").replace(/\B(?=(\d{3})+(?!\d))/g, ",");

function day(atUs) {
  const at = new Date(Number(atUs / 1000n));
  const [year, month, date] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  return language === "zh" ? `${year} 年 ${month + 1} 月 ${date} 日` : `${date} ${MONTHS[month]} ${year}`;
}

// ---- What the page shows ----

function verdict(state, title, lead) {
  const stamp = document.querySelector(".w-stamp");
  stamp.dataset.state = state;
  $("verdict").textContent = title;
  $("lead").textContent = lead;
}

function rows(list) {
  $("found").replaceChildren(
    ...list.map(([shape, title, ...notes]) => {
      const row = document.createElement("li");
      row.className = `w-${shape}`;
      row.append($(shape).content.cloneNode(true));
      const text = row.appendChild(document.createElement("div"));
      text.appendChild(document.createElement("b")).textContent = title;
      for (const note of notes) text.appendChild(document.createElement("p")).textContent = note;
      return row;
    }),
  );
  $("found").hidden = false;
}

function facts(list) {
  $("facts").replaceChildren(
    ...list.flatMap(([name, value]) => {
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      text.textContent = value;
      return [term, text];
    }),
  );
  $("details").hidden = false;
}

function keeper(root) {
  const known = root?.keptBy?.includes("kept-by=operator");
  $("keeper").textContent = say(known ? "kept_operator" : "kept_unknown");
  $("keeper").hidden = !root;
}

function offer(name, primary) {
  $("save").textContent = say(name);
  $("save").classList.toggle("primary", primary);
  $("again").classList.toggle("primary", !primary);
  $("verifier").hidden = true;
  $("again").hidden = false;
  if (evidence) {
    // Exactly what was judged, not what the server would send now.
    URL.revokeObjectURL($("save").href);
    $("save").href = URL.createObjectURL(new Blob([evidence], { type: "application/json" }));
  }
}

// ---- What the browser remembers, so that nothing before can be rewritten unseen ----

const place = `keyuan.seen.${chain}.${contract}`;

function recall() {
  try {
    const [epoch, commitment, at] = localStorage.getItem(place).split(" ");
    return { epoch: Number(epoch), commitment, at: BigInt(at) };
  } catch {
    return null; // never checked here, or nothing may be kept
  }
}

function remember(found) {
  try {
    localStorage.setItem(place, `${found.epoch} ${found.commitment} ${BigInt(Date.now()) * 1000n}`);
    return true;
  } catch {
    return false;
  }
}

function checkMemory(root) {
  const seen = recall();
  if (seen && root.commitments[seen.epoch - 1] !== seen.commitment) {
    throw new RefusedError(`epoch ${seen.epoch}: seen before with another commitment`, "rewritten", seen);
  }
  return seen;
}

// ---- The three outcomes ----

function whole(found, root, seen, newer, seconds) {
  const points = number(found.balances.available);
  const complete = found.epoch === found.epochs;
  verdict("good", say(complete ? "whole" : "older"), say("whole_lead", { seconds }));
  const memory = seen
    ? ["good", say("seen"), say("seen_note", { epoch: number(seen.epoch), day: day(seen.at) })]
    : ["good", say("first"), say("first_note")];
  const list = [
    ["good", say("all_here", { count: number(found.movements) }), say("all_here_note")],
    ["good", say("adds_up", { points }), say("adds_up_note")],
    ["good", say("awards", { count: number(found.awards) }), say("awards_note")],
    ["good", say("counted"), say("counted_note", { points: number(found.owed) })],
    ["rings", say("on_chain"), say("on_chain_note", { epoch: found.epoch, epochs: found.epochs, day: day(found.closedAtUs) })],
  ];
  if (remember(found)) list.push(memory);
  const open = ["open", say("not_checked"), say("not_checked_note"), say("contract_note")];
  if (newer) open.push(say("newer_note", { count: number(newer) }));
  rows([...list, open]);
  facts([
    [say("fact_contract"), `0x${root.contract}`], [say("fact_chain"), `${root.chainId}, ${root.block}`],
    [say("fact_commitment", { epoch: found.epoch }), found.commitment], [say("fact_ledger"), found.ledger],
    [say("fact_account"), found.account], [say("fact_digests"), number(found.digests)],
  ]);
  offer("save", false);
}

function refused(error) {
  const { stage, facts: at } = error;
  const list = [];
  if (at.movement > 1) list.push(["good", say("before_good", { count: number(at.movement - 1) })]);
  if (at.movement) {
    const { at_us: when, kind, delta, held } = at.leaf;
    const points = number(kind === "capture" ? held : delta < 0n ? -delta : delta);
    const note = say("movement_note", { day: day(when), kind: say(kind), points, why: say(`why_${stage}`) });
    list.push(["bad", say("movement_bad", { number: number(at.movement) }), note]);
  } else if (stage === "rewritten") {
    list.push(["apart", say("bad_rewritten"), say("bad_rewritten_note", { epoch: number(at.epoch), day: day(at.at) })]);
  } else if (stage === "shown") {
    list.push(["bad", say("bad_shown", at)]);
  } else {
    list.push([stage === "epoch" || stage === "domain" ? "apart" : "bad", say(`bad_${stage}`, at)]);
  }
  list.push(["bad", say("unconfirmed"), say("unconfirmed_note", { points: number(page.dataset.shown) })]);
  verdict("bad", say(at.movement ? "movement_off" : "other_off"), say("off_lead"));
  rows(list);
  facts([[say("fact_reason"), error.message], [say("fact_contract"), `0x${contract}`]]);
  offer("save_evidence", true);
}

function unchecked(reason, message, ...notes) {
  verdict("none", say("none"), say("none_lead"));
  rows([["open", say(`none_${reason}`), ...notes]]);
  if (message) facts([[say("fact_reason"), message]]);
  offer("save", false);
}

// ---- The check ----

async function fetched() {
  let answer;
  try {
    answer = await fetch(bundleUrl, { headers: { Accept: "application/json" } });
    if (answer.ok) return [new Uint8Array(await answer.arrayBuffer()), Number(answer.headers.get("Keyuan-Newer") ?? 0)];
  } catch (error) {
    throw new UncheckedError(error.message, "bundle");
  }
  throw new UncheckedError(`the bundle: ${answer.status}`, answer.status === 404 ? "early" : "bundle");
}

async function check() {
  const began = performance.now();
  let root = null;
  $("again").disabled = true;
  $("source").hidden = false;
  verdict("idle", say("working"), say("fetching"));
  try {
    if (!contract) throw new UncheckedError("nothing is anchored yet", "early");
    if (!$("rpc").value) throw new UncheckedError("no node is named", "node");
    const url = new URL($("rpc").value, location.href).href;
    const [file, chainRoot] = await Promise.all([fetched(), rootFromChain(url, contract, BigInt(chain))]);
    const [bytes, newer] = file;
    [evidence, root] = [bytes, chainRoot];
    const seen = checkMemory(root);
    let told = 0;
    const found = await verify(bytes, root, (done, all) => {
      const now = performance.now();
      if (now - told > 100) $("lead").textContent = say("working_lead", { done: number(done), all: number(all) });
      told = now - told > 100 ? now : told;
    });
    const points = found.balances.available;
    if (!newer && found.epoch === found.epochs && points !== BigInt(page.dataset.shown)) {
      const figures = { shown: number(page.dataset.shown), points: number(points) };
      throw new RefusedError(`the page shows ${figures.shown}, the proof ${figures.points}`, "shown", figures);
    }
    whole(found, root, seen, newer, ((performance.now() - began) / 1000).toFixed(1));
  } catch (error) {
    if (error instanceof RefusedError) refused(error);
    else if (error instanceof UncheckedError) unchecked(error.reason, error.message);
    else throw error;
  } finally {
    keeper(root);
    $("again").disabled = false;
  }
}

$("again").addEventListener("click", check);
$("source").addEventListener("submit", (event) => {
  event.preventDefault();
  check();
});

if (globalThis.isSecureContext && globalThis.crypto?.subtle) {
  if ($("rpc").value) $("rpc").value = new URL($("rpc").value, location.href).href;
  check();
} else {
  unchecked("insecure", "", say("none_insecure_note"));
  $("verifier").hidden = false;
  $("again").hidden = true;
}
