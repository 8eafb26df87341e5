// The verifier: a customer's bundle against the commitments that stand on a chain, with WebCrypto and nothing else.
// Written from docs/reference/proofs.md; keyuan_verify.py is its twin in Python, and refuses for the same reasons.
// It only checks: where commitments come from is chain.js, what people read is check.js.

import { FLOWS, KINDS, RefusedError, SUMS, readBundle } from "./bundle.js";

const INT64_MAX = 2n ** 63n - 1n;
const DAY_US = 86_400_000_000n;
const NONE = "0".repeat(64);
const OPTIONAL = ["rule", "rule_version", "base_minor", "extra_minor", "day", "day_points", "expires_at_us", "reference"];
const SIGNS = { award: [1n, 0n], redeem: [-1n, 0n], hold: [-1n, 1n], capture: [0n, -1n], void: [1n, -1n], expire: [-1n, 0n] };
const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const utf8 = new TextEncoder();

// ---- Bytes: everything that is hashed is written as hex first ----

const u64 = (value) => BigInt.asUintN(64, value).toString(16).padStart(16, "0");
const hexOf = (bytes) => Array.from(bytes, (each) => PAIRS[each]).join("");
const textHex = (text) => hexOf(utf8.encode(text));

function bytesOf(hex) {
  const found = new Uint8Array(hex.length / 2);
  for (let at = 0; at < found.length; at += 1) found[at] = parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  return found;
}

let computed = 0;

/** Return sha256 of bytes, both as hex. */
export async function digestOf(hex) {
  computed += 1;
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytesOf(hex))));
}

const shaText = (text) => digestOf(textHex(text));

/** Return an instant as the verifier in Python writes it. */
export function shown(atUs) {
  return `${new Date(Number(atUs / 1000n)).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

// ---- Trees (RFC 9162, 2.1.3.2 and 2.1.4.2) ----

async function climb(index, size, proof, seen) {
  let last = size - 1n;
  for (const sibling of proof) {
    if (last === 0n) return false;
    const left = (index & 1n) === 1n || index === last;
    await seen(sibling, left);
    while (left && (index & 1n) === 0n && index) [index, last] = [index >> 1n, last >> 1n];
    [index, last] = [index >> 1n, last >> 1n];
  }
  return last === 0n;
}

async function isIncluded(leaf, index, size, proof, root) {
  let node = leaf;
  const fits = await climb(index, size, proof, async (sibling, left) => {
    node = await digestOf(left ? `01${sibling}${node}` : `01${node}${sibling}`);
  });
  return 0n <= index && index < size && fits && node === root;
}

async function isConsistent(older, newer, proof, roots) {
  if (!(0n < older && older < newer)) return false;
  const path = older & (older - 1n) ? proof : [roots[0], ...proof];
  if (!path.length) return false;
  let [index, last] = [older - 1n, newer - 1n];
  while (index & 1n) [index, last] = [index >> 1n, last >> 1n];
  let [before, after] = [path[0], path[0]];
  const fits = await climb(index, last + 1n, path.slice(1), async (sibling, left) => {
    if (left) before = await digestOf(`01${sibling}${before}`);
    after = await digestOf(left ? `01${sibling}${after}` : `01${after}${sibling}`);
  });
  return fits && before === roots[0] && after === roots[1];
}

const nodeHex = (node) => node.hash + SUMS.map((name) => u64(node[name])).join("");

async function sumNode(left, right) {
  const node = { hash: "" };
  for (const name of SUMS) {
    node[name] = left[name] + right[name];
    if (node[name] > INT64_MAX) {
      throw new RefusedError("a sum of balances is larger than any that can be written", "balance");
    }
  }
  node.hash = await digestOf(`03${nodeHex(left)}${nodeHex(right)}`);
  return node;
}

// ---- What is checked, in the order of the reference ----

function need(ok, reason, stage, facts) {
  if (!ok) throw new RefusedError(reason, stage, facts);
}

/** Return the 301 bytes of a header, as hex. */
export function headerBytes({ domain, header, epoch, firstSeq, previous }) {
  return (
    "00" + u64(domain.chain_id) + domain.contract + domain.ledger + u64(epoch) + u64(firstSeq) + u64(header.last_seq) +
    header.batch_root + header.log_root + u64(header.books) + header.books_digest + u64(header.terms) +
    header.terms_head + header.entries + previous + u64(header.closed_at_us)
  );
}

/** Return the 340 bytes of a leaf, as hex; names and reference are digests already. */
export function leafBytes(leaf) {
  const present = OPTIONAL.reduce((bits, key, bit) => bits | ((leaf[key] ?? null) === null ? 0 : 1 << bit), 0);
  return (
    "00" + PAIRS[Number(leaf.kind)] + "00" + PAIRS[present] + u64(leaf.seq) + u64(leaf.at_us) + leaf.account +
    leaf.brand + leaf.currency + u64(leaf.delta) + SUMS.map((name) => u64(leaf[name])).join("") +
    u64(leaf.account_seq) + leaf.previous + (leaf.rule ?? NONE) +
    OPTIONAL.slice(1, -1).map((key) => u64(leaf[key] ?? 0n)).join("") + (leaf.reference ?? NONE) + leaf.salt
  );
}

const ascending = (rows) => rows.every((row, place) => !place || rows[place - 1] < row);

async function checkHeaders(file, root) {
  const { domain, headers } = file;
  need(domain.chain_id === root.chainId, "the proof is for another chain than you trust", "domain");
  need(domain.contract === root.contract, "the proof is for another contract than you trust", "domain");
  const known = root.commitments.length;
  need(
    headers.length <= known,
    `the proof is as of epoch ${headers.length}; the commitments you trust end at ${known}: get newer ones`,
    "behind", { epoch: headers.length, epochs: known },
  );
  let [before, previous] = [{ last_seq: 0n, log_root: "" }, NONE];
  for (const [place, header] of headers.entries()) {
    const epoch = place + 1;
    const firstSeq = before.last_seq + 1n;
    previous = await digestOf(headerBytes({ domain, header, epoch: BigInt(epoch), firstSeq, previous }));
    need(previous === root.commitments[place], `epoch ${epoch}: this is not the header that was committed to`, "epoch", { epoch });
    const goesOn = await isConsistent(before.last_seq, header.last_seq, header.consistency, [before.log_root, header.log_root]);
    need(goesOn || (epoch === 1 && !header.consistency.length), `epoch ${epoch}: its log does not go on from before`, "epoch", { epoch });
    before = header;
  }
}

async function checkRecord(file) {
  const { record, account: { brand, currency } } = file;
  const newest = file.headers.at(-1);
  const names = (await shaText(brand)) + (await shaText(currency));
  const lines = file.books.map((line) => line.brand + line.currency + line.record);
  need(ascending(lines.map((line) => line.slice(0, 128))), "the books are out of order, or one stands twice", "record");
  need(
    BigInt(lines.length) === newest.books && (await digestOf(lines.join(""))) === newest.books_digest,
    "the table of books is not the one committed to", "record",
  );
  const flows = ["epoch", "since"].flatMap((when) => FLOWS.map((name) => u64(record[when][name])));
  const body = await digestOf(`00${names}${u64(record.accounts)}${nodeHex(record.root)}${flows.join("")}`);
  need(lines.includes(names + body), `the record of ${brand}/${currency} is not the one committed to`, "record");
  const { issued, redeemed, expired } = record.since;
  const { available, held, pending, debt } = record.root;
  need(
    issued - redeemed - expired === available + held + pending - debt,
    `${brand}/${currency}: what came and went is not what is there`, "record",
  );
}

async function checkTerms(file) {
  const [versions, hashes, heads] = [new Map(), new Map(), [NONE]];
  for (const [place, each] of file.terms.entries()) {
    const book = JSON.stringify([each.brand, each.currency, each.rule]);
    const name = `terms ${each.brand}/${each.currency}/${each.rule} version ${each.version}`;
    const known = versions.get(book) ?? [];
    need(each.version === BigInt(known.length + 1), `${name}: a version is missing before it`, "terms");
    need(!known.length || each.starts_at_us > known.at(-1).starts_at_us, `${name}: begins before the last`, "terms");
    const doubled = each.doubled.map(textHex);
    need(ascending(doubled), `${name}: categories are out of order`, "terms");
    const categories = await digestOf(doubled.map((one) => (one.length / 2).toString(16).padStart(8, "0") + one).join(""));
    const numbers = [each.version, each.starts_at_us, each.minor_per_point, each.daily_cap, each.expiry_months];
    const digests = await Promise.all([each.brand, each.currency, each.rule].map(shaText));
    const hash = await digestOf("00" + digests.join("") + numbers.map(u64).join("") + categories + (hashes.get(book) ?? NONE));
    hashes.set(book, hash);
    heads.push(await digestOf(`04${heads.at(-1)}${hash}`));
    versions.set(book, [...known, { ...each, place: BigInt(place + 1) }]);
  }
  const listed = BigInt(heads.length - 1);
  need(file.headers.at(-1).terms === listed, "the list of terms is longer or shorter than the newest header says", "terms");
  for (const [place, { terms, terms_head: head }] of file.headers.entries()) {
    const fits = terms <= listed && head === heads[Number(terms)];
    need(fits, `epoch ${place + 1}: these are not the terms that it committed to`, "terms");
  }
  return versions;
}

/** Return the same instant of day some months later; the last day of a shorter month stands for a missing one. */
export function monthsLater(atUs, months) {
  const days = atUs / DAY_US;
  const start = new Date(Number(days) * 86_400_000);
  const month = start.getUTCMonth() + Number(months);
  const length = new Date(Date.UTC(start.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const end = Date.UTC(start.getUTCFullYear(), month, Math.min(start.getUTCDate(), length));
  return atUs + (BigInt(end / 86_400_000) - days) * DAY_US;
}

class History {
  constructor(file, versions) {
    this.file = file;
    this.versions = versions;
    this.size = file.headers.at(-1).last_seq;
    this.root = file.headers.at(-1).log_root;
    this.days = new Map();
    this.balances = { available: 0n, held: 0n, pending: 0n, debt: 0n };
    Object.assign(this, { head: NONE, seq: 0n, count: 0, awards: 0 });
  }

  async take(leaf) {
    const name = `leaf ${leaf.seq} (${leaf.kind} of ${shown(leaf.at_us)})`;
    const facts = { movement: this.count + 1, leaf };
    const check = (ok, reason, stage) => need(ok, `${name}: ${reason}`, stage, facts);
    check(leaf.account_seq === BigInt(this.count + 1), `movement ${this.count + 1} of the account is missing`, "gap");
    check(this.seq < leaf.seq && leaf.seq <= this.size, "it is not in the order of the log", "gap");
    const { available, held, pending, debt } = this.balances;
    const [sign, heldSign] = SIGNS[leaf.kind];
    const points = leaf.kind === "capture" ? held - leaf.held : leaf.delta < 0n ? -leaf.delta : leaf.delta;
    const there = { available: available + sign * points, held: held + heldSign * points, pending, debt };
    const follows = points > 0n && SUMS.every((sum) => leaf[sum] === there[sum]);
    check(follows, "the balances after it do not follow from those before", "sums");
    check(leaf.delta === sign * points, "the change of the available points is another", "sums");
    if (leaf.kind === "award") this.checkAward(leaf, check);
    const node = await digestOf(`00${await this.body(leaf)}`);
    const inLog = await isIncluded(node, leaf.seq - 1n, this.size, leaf.proof, this.root);
    check(inLog, "this is not what the log has there", "log");
    Object.assign(this, { head: node, seq: leaf.seq, count: this.count + 1, balances: there });
  }

  checkAward(leaf, check) {
    check(OPTIONAL.slice(0, 7).every((key) => leaf[key] !== null), "it does not say how it was computed", "award");
    const { brand, currency } = this.file.account;
    const epoch = this.file.headers.find((header) => header.last_seq >= leaf.seq);
    const versions = this.versions.get(JSON.stringify([brand, currency, leaf.rule])) ?? [];
    const known = versions.filter((each) => each.place <= epoch.terms);
    const number = known.filter((each) => each.starts_at_us <= leaf.at_us).length;
    check(
      number > 0 && BigInt(number) === leaf.rule_version,
      `version ${number} of the terms was in force, not the one named`, "award",
    );
    const [terms, day] = [known[number - 1], leaf.at_us / DAY_US];
    const before = this.days.get(day) ?? 0n;
    const wished = (leaf.base_minor + leaf.extra_minor) / terms.minor_per_point;
    const left = terms.daily_cap - before;
    const points = wished < left ? wished : left;
    check(leaf.delta === points, `it gave ${leaf.delta} points, the terms say ${points > 0n ? points : 0n}`, "award");
    check(leaf.day === day && leaf.day_points === before + points, "the points of the day are others", "award");
    const expires = monthsLater(leaf.at_us, terms.expiry_months);
    check(leaf.expires_at_us === expires, `by the terms it expires on ${shown(expires)}`, "award");
    this.days.set(day, before + points);
    this.awards += 1;
  }

  async body(leaf) {
    const { pseudonym, brand, currency } = this.file.account;
    return leafBytes({
      ...leaf, account: pseudonym, brand: await shaText(brand), currency: await shaText(currency), previous: this.head,
      kind: KINDS.indexOf(leaf.kind) + 1, rule: leaf.rule === null ? null : await shaText(leaf.rule),
      reference: leaf.reference === null ? null : await digestOf(leaf.salt + leaf.reference),
    });
  }
}

async function checkBalance(file, history) {
  const [{ place, proof }, size] = [file.balance, file.record.accounts];
  let node = { hash: history.head, ...history.balances };
  node.hash = await digestOf(`02${nodeHex(node)}`);
  const fits = place < size && (await climb(place, size, proof, async (sibling, left) => {
    node = left ? await sumNode(sibling, node) : await sumNode(node, sibling);
  }));
  need(
    fits && nodeHex(node) === nodeHex(file.record.root),
    "the balances are not counted at the newest epoch, or movements after the last leaf are missing", "balance",
  );
}

/**
 * Check a bundle (bytes) against `{chainId, contract, commitments}`; return what was found whole.
 * A RefusedError says what is wrong, and where. `progress(done, all)` is told movement by movement.
 */
export async function verify(bytes, root, progress = () => {}) {
  computed = 0;
  const file = readBundle(bytes);
  await checkHeaders(file, root);
  await checkRecord(file);
  const history = new History(file, await checkTerms(file));
  for (const leaf of file.leaves) {
    await history.take(leaf);
    progress(history.count, file.leaves.length);
  }
  await checkBalance(file, history);
  const newest = file.headers.at(-1);
  return {
    brand: file.account.brand, currency: file.account.currency, epoch: file.headers.length,
    epochs: root.commitments.length, closedAtUs: newest.closed_at_us, movements: history.count,
    awards: history.awards, balances: history.balances, owed: file.record.root.available + file.record.root.held,
    ledger: file.domain.ledger, account: file.account.pseudonym, commitment: root.commitments[file.headers.length - 1],
    digests: computed,
  };
}
