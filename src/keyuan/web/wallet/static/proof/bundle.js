// What a bundle must look like: every field is named here, and nothing else may be there (docs/reference/proofs.md).
// Numbers are BigInt, digests stay lower-case hex: text of one length in the order of its bytes.

import { NotJsonError, readJson } from "./strict_json.js";

/** The proof is wrong. `stage` and `facts` say where, for people; the message says it exactly. */
export class RefusedError extends Error {
  constructor(message, stage = "file", facts = {}) {
    super(message);
    this.stage = stage;
    this.facts = facts;
  }
}

const FILE_MAX = 64 << 20; // a phone's; the verifier in Python takes more
const INT64_MAX = 2n ** 63n - 1n;
const TEXT_MAX = 200;
const ITEMS_MAX = 10_000_000;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u;
export const KINDS = ["award", "redeem", "hold", "capture", "void", "expire"];
export const SUMS = ["available", "held", "pending", "debt"];
export const FLOWS = ["issued", "redeemed", "expired"];

function refuse(reason) {
  throw new RefusedError(reason);
}

const whole = (low, high) => (value) =>
  typeof value === "bigint" && low <= value && value <= high ? value : refuse(` must be a whole number from ${low} to ${high}`);

function digest(size = 32) {
  const pattern = new RegExp(`^[0-9a-f]{${2 * size}}$`);
  return (value) =>
    typeof value === "string" && value.length === 2 * size && pattern.test(value)
      ? value
      : refuse(` must be ${size} bytes in lower-case hex`);
}

function text(value) {
  const size = typeof value === "string" ? [...value].length : 0;
  if (size < 1 || size > TEXT_MAX) refuse(` must be text of 1 to ${TEXT_MAX} characters`);
  if (CONTROL.test(value)) refuse(" has a character that no name has");
  return value;
}

const oneOf = (words) => (value) => (words.includes(value) ? value : refuse(` must be one of: ${words.join(", ")}`));
const maybe = (inner) => (value) => (value === null ? null : inner(value));

const items = (inner, least = 0, most = ITEMS_MAX) => (value) => {
  if (!Array.isArray(value) || value.length < least || value.length > most) {
    refuse(` must be a list of ${least} to ${most} items`);
  }
  return value.map((each, place) => within(`[${place}]`, inner, each));
};

const fields = (checks) => (value) => {
  if (!(value instanceof Map)) refuse(" must be an object");
  for (const name of value.keys()) if (!Object.hasOwn(checks, name)) refuse(`: field '${name}' is unknown`);
  const found = {};
  for (const [name, inner] of Object.entries(checks)) {
    if (!value.has(name)) refuse(`: field '${name}' is missing`);
    found[name] = within(`.${name}`, inner, value.get(name));
  }
  return found;
};

function within(place, inner, value) {
  try {
    return inner(value);
  } catch (error) {
    throw error instanceof RefusedError ? new RefusedError(place + error.message) : error;
  }
}

const COUNT = whole(1n, INT64_MAX);
const POINTS = whole(0n, INT64_MAX);
const HASH = digest();
const INSTANT = whole(946_684_800_000_000n, 7_258_118_400_000_000n);
const PROOF = items(HASH, 0, 64);
const SUM_NODE = fields({ hash: HASH, available: POINTS, held: POINTS, pending: POINTS, debt: POINTS });
const FLOW = fields({ issued: POINTS, redeemed: POINTS, expired: POINTS });
const HEADER = fields({
  last_seq: COUNT, batch_root: HASH, log_root: HASH, books: COUNT, books_digest: HASH, terms: POINTS, terms_head: HASH,
  entries: HASH, closed_at_us: INSTANT, consistency: PROOF,
});
const TERMS = fields({
  brand: text, currency: text, rule: text, version: COUNT, starts_at_us: COUNT, minor_per_point: COUNT,
  daily_cap: COUNT, expiry_months: whole(1n, 1200n), doubled: items(text),
});
const LEAF = fields({
  seq: COUNT, account_seq: COUNT, at_us: INSTANT, kind: oneOf(KINDS), delta: whole(-INT64_MAX, INT64_MAX),
  available: POINTS, held: POINTS, pending: POINTS, debt: POINTS, rule: maybe(text), rule_version: maybe(COUNT),
  base_minor: maybe(POINTS), extra_minor: maybe(POINTS), day: maybe(POINTS), day_points: maybe(POINTS),
  expires_at_us: maybe(COUNT), reference: maybe(HASH), salt: HASH, proof: PROOF,
});
const BUNDLE = fields({
  format: oneOf(["keyuan/bundle/0"]),
  domain: fields({ chain_id: POINTS, contract: digest(20), ledger: HASH }),
  headers: items(HEADER, 1),
  books: items(fields({ brand: HASH, currency: HASH, record: HASH }), 1),
  record: fields({ accounts: COUNT, root: SUM_NODE, epoch: FLOW, since: FLOW }),
  terms: items(TERMS),
  account: fields({ pseudonym: HASH, brand: text, currency: text }),
  leaves: items(LEAF, 1),
  balance: fields({ place: POINTS, proof: items(SUM_NODE, 0, 64) }),
});

/** Return the bundle that some bytes hold, all fields checked. */
export function readBundle(bytes) {
  if (bytes.length > FILE_MAX) refuse(`the file is larger than ${FILE_MAX} bytes`);
  let value;
  try {
    value = readJson(bytes);
  } catch (error) {
    throw error instanceof NotJsonError ? new RefusedError(`this is not JSON: ${error.message}`) : error;
  }
  return within("file", BUNDLE, value);
}
