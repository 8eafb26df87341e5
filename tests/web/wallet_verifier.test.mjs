// The browser's verifier under Node: vectors of the reference, and cases that the verifier in Python has judged.
// Started by test_wallet_verifier.py, which writes the cases: a line each, {what, root, file (base64), refused}.
import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";

const { CASES, STATIC } = process.env;
const { monthsLater, verify } = await import(`${STATIC}/verify.js`);
const { NotJsonError, readJson } = await import(`${STATIC}/strict_json.js`);
const { RefusedError } = await import(`${STATIC}/bundle.js`);
// What Python says of the form of a file is its own words.
const OF_FORM = /^(file|the file|this is not JSON|a field stands twice)|is not a whole number$/;

async function judged(file, root) {
  try {
    const found = await verify(file, { ...root, chainId: BigInt(root.chainId) });
    return { refused: null, found };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return { refused: error.message, stage: error.stage, facts: error.facts };
  }
}

test("every case is judged as by the verifier in Python", async () => {
  let [tried, whole] = [0, 0];
  for await (const line of createInterface({ input: createReadStream(CASES) })) {
    const { what, root, file, refused, numbers } = JSON.parse(line);
    const mine = await judged(Buffer.from(file, "base64"), root);
    tried += 1;
    if (refused === null) {
      assert.equal(mine.refused, null, what);
      const { epoch, epochs, movements, awards, balances } = mine.found;
      assert.deepEqual([epoch, epochs, movements, awards, ...Object.values(balances).map(String)], numbers, what);
      whole += 1;
    } else {
      assert.notEqual(mine.refused, null, `${what}: not refused`);
      if (!OF_FORM.test(refused)) assert.equal(mine.refused, refused, what);
      if (/^leaf/.test(refused)) assert.ok(mine.facts.movement > 0, what);
    }
  }
  console.log(`tried ${tried}, whole ${whole}`);
});

test("numbers of 64 bits are read exactly, and only one way of writing is read", () => {
  const read = (text) => readJson(new TextEncoder().encode(text));
  assert.equal(read(" 9007199254740993 "), 9007199254740993n);
  assert.deepEqual(read('["\\u5ba2\\n", -12, true, null]'), ["客\n", -12n, true, null]);
  assert.equal(read('{"__proto__": 1}').get("__proto__"), 1n);
  for (const wrong of ["", "1.0", "1e0", "01", "+1", "NaN", "[1,]", '{"a":1,}', '{"a":1,"a":1}', '"\\x"', '"a', "1 2",
    '"\t"', "'a'", "[".repeat(100_000), "9".repeat(10_000), "\uFEFF1", "{1:2}", "tru"]) {
    assert.throws(() => read(wrong), NotJsonError, wrong);
  }
  assert.throws(() => readJson(Uint8Array.of(34, 255, 34)), NotJsonError);
});

test("months are added as the terms say", () => {
  const at = (text) => BigInt(Date.parse(text)) * 1000n;
  assert.equal(monthsLater(at("2017-01-31T10:00:00Z"), 1n), at("2017-02-28T10:00:00Z"));
  assert.equal(monthsLater(at("2016-02-29T23:59:59Z"), 12n), at("2017-02-28T23:59:59Z"));
  assert.equal(monthsLater(at("2017-11-30T00:00:00Z"), 3n), at("2018-02-28T00:00:00Z"));
});

test("the vectors of the reference hold the digests that a bundle is hashed to", async () => {
  const vectors = JSON.parse(readFileSync(process.env.VECTORS));
  const { leafBytes, headerBytes, digestOf } = await import(`${STATIC}/verify.js`);
  for (const { fields, bytes, hash } of vectors.leaves) {
    const given = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, typeof value === "number" ? BigInt(value) : value]));
    assert.equal(leafBytes(given), bytes);
    assert.equal(await digestOf(`00${bytes}`), hash);
  }
  assert.equal(await digestOf(vectors.header), vectors.commitment);
  assert.equal(headerBytes(headerFields(vectors.header)), vectors.header);
});

function headerFields(hex) {
  const cut = (at, size) => hex.slice(2 * at, 2 * (at + size));
  const number = (at) => BigInt(`0x${cut(at, 8)}`);
  const domain = { chain_id: number(1), contract: cut(9, 20), ledger: cut(29, 32) };
  const header = {
    last_seq: number(77), batch_root: cut(85, 32), log_root: cut(117, 32), books: number(149), books_digest: cut(157, 32),
    terms: number(189), terms_head: cut(197, 32), entries: cut(229, 32), closed_at_us: number(293),
  };
  return { domain, header, epoch: number(61), firstSeq: number(69), previous: cut(261, 32) };
}
